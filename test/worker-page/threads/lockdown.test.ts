/** In a realm of its own: what is fixed stays fixed. The real scope is that of test/security. */
import { createContext, runInContext } from "node:vm";
import { expect, test } from "vitest";
import { lockDown } from "../../../worker-page/threads/lockdown.ts";

function aScope() {
  const said: string[] = [];
  const realm = createContext({});
  const run = (code: string): unknown => runInContext(code, realm);
  const builtIns = run("({ Object, Promise, Reflect, Array, Function, Uint8Array, ArrayBuffer, TypeError })") as object;
  const inherited = Object.assign(Object.create({ importScripts() {} }) as object, {
    postMessage() {},
    close: () => said.push("closed"),
  });
  const own = { ...builtIns, onmessage: null, Worker: class {}, navigator: { usb: {}, language: "en" } };
  const scope = Object.assign(Object.create(inherited) as object, own) as unknown as typeof globalThis;
  return { scope, said, run };
}

test("[THREAD-1] what reaches out is gone, from the scope and from what it inherits", () => {
  const { scope } = aScope();
  lockDown(scope, () => {});
  for (const name of ["postMessage", "onmessage", "Worker", "importScripts"]) expect(name in scope, name).toBe(false);
  expect(scope.navigator).toEqual({ language: "en" });
});

test("[THREAD-1] a scope that keeps one of them is not used", () => {
  const { scope } = aScope();
  Object.defineProperty(scope, "BroadcastChannel", { value: class {}, configurable: false });
  expect(() => lockDown(scope, () => {})).toThrow('"BroadcastChannel" stays');
});

test("[THREAD-2] close() is told before it is done", () => {
  const { scope, said } = aScope();
  lockDown(scope, () => void said.push("closing"));
  scope.close();
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
    "Object.defineProperty(Promise.prototype, 'then', { get() {} })",
    "Object.defineProperty(Object.prototype, 'start', { set() {} })",
    "Object.defineProperty(Array.prototype, '0', { set() {} })",
  ]) {
    expect(() => run(`"use strict"; ${change}`), change).toThrow(/read only|redefine|extensible/);
  }
  expect(() => Object.assign(scope, { Promise: class {} })).toThrow("read only");
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
