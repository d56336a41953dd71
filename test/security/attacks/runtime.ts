/** Ways to the runtime beside it: to the thread's ports, and to speak in the name of another attempt. */
import type { Attack } from "./attack.ts";

export const runtimeAttacks: readonly Attack[] = [
  {
    name: "self.postMessage",
    run: async () => {
      for (
        let owner: object | null = globalThis;
        owner !== null;
        owner = Object.getPrototypeOf(owner) as object | null
      ) {
        for (const name of ["postMessage", "onmessage", "webkitPostMessage"]) {
          if (Object.hasOwn(owner, name)) return `ESCAPED: ${name} of ${Object.prototype.toString.call(owner)}`;
        }
      }
      return "blocked: absent";
    },
  },
  {
    name: "a forged first message",
    run: async ({ otherAttemptId }) => {
      const orders = new MessageChannel();
      const reports = new MessageChannel();
      let answered = "";
      orders.port1.onmessage = reports.port1.onmessage = ({ data }) => (answered = JSON.stringify(data));
      const data = { orders: orders.port2, reports: reports.port2, workerId: "forged" };
      self.dispatchEvent(new MessageEvent("message", { data, ports: [orders.port2, reports.port2] }));
      orders.port1.postMessage({
        id: "1",
        type: "APPLY",
        path: ["cancel"],
        argumentList: [{ type: "RAW", value: [otherAttemptId] }],
      });
      await new Promise((resolve) => setTimeout(resolve, 50));
      return answered === "" ? "blocked: nobody listens" : `ESCAPED: ${answered}`;
    },
  },
  {
    name: "the callers on the stack",
    run: async () => {
      const found: unknown[] = [];
      const sloppy = new Function(
        "found",
        `
        let fn = arguments.callee;
        for (let i = 0; i < 20 && fn; i++) { try { fn = fn.caller } catch { break } if (fn && fn !== arguments.callee) found.push(fn) }
      `,
      ) as (found: unknown[]) => void;
      sloppy(found);
      if (found.some((fn) => fn !== null && fn !== undefined))
        return `ESCAPED: caller ${String(found[0]).slice(0, 80)}`;
      const prepare = Reflect.get(Error, "prepareStackTrace") as unknown;
      Reflect.set(Error, "prepareStackTrace", (_: unknown, sites: { getThis(): unknown; getFunction(): unknown }[]) => {
        for (const site of sites) {
          const self = site.getThis();
          if (self !== undefined && self !== globalThis) found.push(self);
          if (site.getFunction() !== undefined) found.push(site.getFunction());
        }
        return "";
      });
      void new Error("look").stack;
      Reflect.set(Error, "prepareStackTrace", prepare);
      return found.length === 0 ? "blocked: strict code shows neither" : `ESCAPED: ${String(found[0]).slice(0, 80)}`;
    },
  },
  {
    name: "patched MessagePort and EventTarget",
    run: async () => {
      const stolen: string[] = [];
      for (const type of ["MessagePort", "EventTarget", "MessageEvent", "Event"]) {
        const prototype = (Reflect.get(globalThis, type) as { prototype: object }).prototype;
        for (const key of Reflect.ownKeys(prototype)) {
          const descriptor = Object.getOwnPropertyDescriptor(prototype, key);
          if (descriptor === undefined || !descriptor.configurable || key === "constructor") continue;
          const spy = (original: Function) =>
            function (this: unknown, ...args: unknown[]): unknown {
              stolen.push(`${type}.${String(key)}`);
              return Reflect.apply(original, this, args);
            };
          if (typeof descriptor.value === "function")
            Object.defineProperty(prototype, key, { ...descriptor, value: spy(descriptor.value) });
          else if (descriptor.get) Object.defineProperty(prototype, key, { ...descriptor, get: spy(descriptor.get) });
        }
      }
      for (let i = 0; i < 5; i++) {
        console.log("make it talk");
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return stolen.length === 0 ? "blocked: nothing was called" : `ESCAPED: ${stolen.join()}`;
    },
  },
  {
    name: "patched built-ins, to reach the runtime or another attempt",
    run: async () => {
      const stolen: string[] = [];
      /** Members that only the runtime's own objects have. */
      const signs = [
        "postMessage",
        "startActor",
        "linkOf",
        "cancellation",
        "listen",
        "relay",
        "callEnded",
        "nextChild",
        "hasBegun",
      ];
      let isLooking = false;
      const look = (where: string, what: unknown): void => {
        if (isLooking || (typeof what !== "object" && typeof what !== "function") || what === null) return;
        isLooking = true;
        for (const sign of signs) if (sign in what) stolen.push(`${where}: ${sign}`);
        isLooking = false;
      };
      const owners: [string, object][] = [];
      for (const type of [
        "Array",
        "Map",
        "Set",
        "WeakMap",
        "WeakSet",
        "WeakRef",
        "FinalizationRegistry",
        "Promise",
        "Function",
        "String",
        "Number",
        "RegExp",
        "Uint8Array",
        "AbortController",
        "AbortSignal",
      ]) {
        const constructor = Reflect.get(globalThis, type) as { prototype: object };
        owners.push([`${type}.prototype`, constructor.prototype], [type, constructor]);
      }
      owners.push(["Object", Object], ["Reflect", Reflect], ["JSON", JSON], ["Math", Math]);
      owners.push(
        ["ArrayIterator", Object.getPrototypeOf([].values()) as object],
        ["MapIterator", Object.getPrototypeOf(new Map().values()) as object],
      );
      owners.push(["TypedArray", Object.getPrototypeOf(Uint8Array.prototype) as object]);
      const { apply, ownKeys } = Reflect;
      const { defineProperty, getOwnPropertyDescriptor } = Object;
      for (const [name, owner] of owners) {
        for (const key of ownKeys(owner)) {
          const descriptor = getOwnPropertyDescriptor(owner, key);
          if (
            descriptor === undefined ||
            !descriptor.configurable ||
            typeof descriptor.value !== "function" ||
            key === "constructor"
          )
            continue;
          const original = descriptor.value as Function;
          const where = `${name}.${String(key)}`;
          const value = function (this: unknown, ...args: unknown[]): unknown {
            if (new.target !== undefined) return Reflect.construct(original, args);
            look(where, this);
            for (let i = 0; i < args.length; i++) {
              look(where, args[i]);
              // What an array holds, too.
              const list = args[i];
              if (typeof list === "object" && list !== null && "length" in list)
                look(where, (list as unknown as unknown[])[0]);
            }
            return apply(original, this, args);
          };
          try {
            defineProperty(owner, key, { ...descriptor, value });
          } catch {
            continue;
          }
        }
      }
      for (const name of ["Object", "Promise", "Map", "Reflect"]) {
        try {
          Reflect.set(globalThis, name, undefined);
        } catch {
          continue;
        }
      }
      for (const member of ["start", "then", "type", "reports"]) {
        try {
          defineProperty(Object.prototype, member, {
            configurable: true,
            set(value: unknown) {
              look(`Object.prototype.${member}`, this);
              look(member, value);
            },
          });
        } catch {
          continue;
        }
      }
      for (let i = 0; i < 5; i++) {
        console.log("make it talk", i);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return stolen.length === 0 ? "blocked: nothing of it was handed out" : `ESCAPED: ${[...new Set(stolen)].join()}`;
    },
  },
  {
    name: "what grid itself is made of",
    run: async ({ otherAttemptId }) => {
      // Whatever can be reached from `grid` by properties, looking for something that reports.
      const seen = new Set<unknown>();
      const found: string[] = [];
      const visit = (what: unknown, path: string): void => {
        if (
          (typeof what !== "object" && typeof what !== "function") ||
          what === null ||
          seen.has(what) ||
          path.length > 120
        )
          return;
        seen.add(what);
        if (what === globalThis || what === Object || what === Function) return;
        for (const sign of ["startActor", "linkOf", "cancellation", "postMessage"])
          if (sign in what) found.push(`${path}.${sign}`);
        for (const key of Reflect.ownKeys(what)) {
          const descriptor = Object.getOwnPropertyDescriptor(what, key);
          if (descriptor !== undefined && "value" in descriptor) visit(descriptor.value, `${path}.${String(key)}`);
        }
        visit(Object.getPrototypeOf(what), `${path}.__proto__`);
      };
      visit(grid, "grid");
      visit(grid.context(), "context");
      visit(grid.put(1), "ref");
      return found.length === 0 ? `blocked: no way to ${otherAttemptId}` : `ESCAPED: ${found.join()}`;
    },
  },
];

declare const grid: { context(): object; put(value: unknown): object };
