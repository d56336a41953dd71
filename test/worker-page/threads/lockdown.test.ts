/** In a realm of its own: what is fixed stays fixed. The real scope is that of test/security. */
import { createContext, runInContext } from "node:vm";
import { expect, test } from "vitest";
import { lockDown } from "../../../worker-page/threads/lockdown.ts";

function aScope(more: Record<string, unknown> = {}) {
  const said: string[] = [];
  const prototype = Object.assign(Object.create({ importScripts() {} }) as object, { postMessage() {}, close: () => said.push("closed") });
  const context = createContext(Object.assign(Object.create(prototype) as object, { onmessage: null, Worker: class {}, navigator: { usb: {} }, ...more }));
  runInContext("globalThis.self = globalThis", context);
  const scope = runInContext("globalThis", context) as typeof globalThis;
  return { scope, said, run: (code: string): unknown => runInContext(code, context) };
}

test("[THREAD-1] what reaches out is gone, from the scope and from what it inherits", () => {
  const { scope, run } = aScope();
  Object.setPrototypeOf(Object.getPrototypeOf(scope) as object, null);
  lockDown(scope, () => {});
  for (const name of ["postMessage", "onmessage", "Worker", "importScripts"]) expect(run(`typeof ${name}`)).toBe("undefined");
  expect(run("navigator.usb")).toBeUndefined();
});

test("[THREAD-1] a scope that keeps one of them is not used", () => {
  const { scope } = aScope();
  Object.defineProperty(scope, "BroadcastChannel", { value: class {}, configurable: false });
  expect(() => lockDown(scope, () => {})).toThrow('"BroadcastChannel" stays');
});

test("[THREAD-2] close() is told before it is done", () => {
  const { scope, said, run } = aScope();
  lockDown(scope, () => void said.push("closing"));
  run("close()");
  expect(said).toEqual(["closing", "closed"]);
});

test("[THREAD-3] what the way to the shell rests on cannot be replaced", () => {
  const { scope, run } = aScope();
  lockDown(scope, () => {});
  for (const change of [
    "Object.assign = () => {}",
    "Promise.prototype.then = () => {}",
    "Function.prototype.call = () => {}",
    "Reflect.apply = () => {}",
    "Promise = class {}",
    "Object.defineProperty(Promise.prototype, 'then', { get() {} })",
    "Object.defineProperty(Object.prototype, 'start', { set() {} })",
    "Object.defineProperty(Array.prototype, '0', { set() {} })",
  ]) {
    expect(() => run(`"use strict"; ${change}`), change).toThrow(TypeError);
  }
});

test("[THREAD-3] what people do replace stays replaceable", () => {
  const { scope, run } = aScope();
  lockDown(scope, () => {});
  for (const change of [
    "Math.random = () => 0.5",
    "Date.now = () => 0",
    "(() => {}).toString = () => ''",
    "(class A {}).prototype.valueOf = () => 1",
    "Array.prototype.map = function () {}",
    "({}).constructor = 1",
    "Object.assign({}, { then() {} })",
  ]) {
    expect(() => run(`"use strict"; ${change}`), change).not.toThrow();
  }
});
