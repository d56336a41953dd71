import { describe, expect, test } from "vitest";
import { stateProblemOf } from "../../../grid/shipping/hidden-state.ts";
import { written } from "./travel.ts";

describe("a class whose actors are saved", () => {
  const Base = written("class Base { #kept = 1; }");

  test.each([
    ["public fields", "class A { count = 0; static #made = 0; add() {} }"],
    ["#private methods and accessors alone: they hold nothing", "class A { #help() {} get #size() { return 1; } }"],
    ["both hooks", "class A { #n = 0; saveState() {} restoreState() {} }"],
    ["hooks that are fields", "class A { #n = 0; saveState = () => 1; restoreState = () => {}; }"],
    ["hooks of a base", "class B extends (class { saveState() {} restoreState() {} }) { #n = 0; }"],
    ["an array for its base", "class A extends Array {}"],
  ])("[SDK-52] may have %s", (_, text) => {
    expect(stateProblemOf(written(text))).toBe(undefined);
  });

  test.each([
    ["a #private field", "class A { n = 0; #count = 0; #more; }", "this.#count", "the field #count is private"],
    ["a base with one", "class A extends Base {}", "this.#kept", 'the field #kept of the base class "Base" is private'],
    ["saveState alone", "class A { saveState() {} }", "this.restoreState", "saveState() and no restoreState()"],
    ["restoreState alone", "class A { restoreState() {} }", "this.saveState", "restoreState() and no saveState()"],
    ["a built-in base", "class A extends Map {}", "this", 'the built-in base class "Map"'],
  ])("[SDK-52] may not have %s", (_, text, path, reason) => {
    const problem = stateProblemOf(written(text, { Base }));
    expect(problem?.path).toBe(path);
    expect(problem?.reason).toContain(reason);
  });
});
