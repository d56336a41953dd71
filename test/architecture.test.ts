/**
 * The floor plan as a file the build reads: who may import whom, which library lives where, and what the pure rooms
 * may not name. Change a table here only together with docs/architecture.md.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path/posix";
import { parseSync } from "vite";
import { describe, expect, test } from "vitest";

/** A room may import itself, what lies inside it, and this. A room inside another has only what it lists. */
const rooms: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  transport: ["protocol"],
  grid: ["protocol"],
  coordinator: ["protocol", "transport"],
  "coordinator/scheduler": ["protocol"],
  "coordinator/journal": ["protocol", "coordinator/scheduler/events.ts"],
  "coordinator/objects": ["protocol"],
  "worker-page": ["protocol", "transport", "grid"],
  "worker-page/machine": ["protocol"],
  sdk: ["protocol", "transport", "grid"],
  "dashboard-page": ["protocol", "transport"],
  "notebook-page": ["sdk"],
  bin: ["protocol", "sdk", "coordinator/main.ts"],
};

/** These may import anything. */
const freeRooms: readonly string[] = ["bench", "examples", "test"];

/** A wrapped library lives in one place: a file, anywhere in a folder (`folder/`), or one file of it (`folder/*`). */
const libraries: Readonly<Record<string, readonly string[]>> = {
  comlink: ["worker-page/threads/"],
  "simple-peer": ["transport/webrtc-browser.ts"],
  "node-datachannel": ["transport/webrtc-node.ts"],
  ws: ["coordinator/*", "sdk/*"],
  "@photostructure/sqlite": ["coordinator/journal/"],
  "idb-keyval": ["worker-page/checkpoints/"],
  peerjs: ["worker-page/peers/"],
  acorn: ["grid/shipping/*"],
  "eslint-scope": ["grid/shipping/*"],
  "playwright-core": ["bin/browser.ts"],
  playwright: [],
  "@playwright/test": [],
};

/** Time and chance arrive here in events, and nothing leaves but what is returned. */
const pureRooms: readonly string[] = ["protocol", "coordinator/scheduler", "worker-page/machine"];
const impureNames: readonly string[] = ["setTimeout", "setInterval", "console", "process"];
const impureMembers: readonly string[] = ["Date.now", "Math.random"];

/** A source file by its path from the root, such as `protocol/ids.ts`. */
type Sources = ReadonlyMap<string, string>;

describe("architecture", () => {
  const sources = readSources();

  test("imports go down the floor plan only", () => {
    expect(sources.size).toBeGreaterThan(0);
    expect(brokenFloors(sources)).toEqual([]);
  });

  test("every wrapped library lives in its one place", () => {
    expect(strayLibraries(sources)).toEqual([]);
  });

  test("pure rooms name no clock, no chance and no outside world", () => {
    expect(impurities(sources)).toEqual([]);
  });

  test("every folder with sources has a room", () => {
    const known = [...Object.keys(rooms), ...freeRooms];
    expect([...sources.keys()].filter((file) => roomOf(file, known) === undefined)).toEqual([]);
  });
});

describe("the architecture test itself", () => {
  test.each([
    ["a static import", `import { connect } from "../coordinator/shell.ts";`],
    ["a type import", `import type { Shell } from "../coordinator/shell.ts";`],
    ["an export from", `export * from "../coordinator/shell.ts";`],
    ["a dynamic import", `const shell = await import("../coordinator/shell.ts");`],
    ["an import in a type", `type Shell = import("../coordinator/shell.ts").Shell;`],
  ])("refuses %s that goes up", (_, source) => {
    expect(brokenFloors(new Map([["transport/link.ts", source]]))).toEqual([
      "transport/link.ts imports coordinator/shell.ts, but transport may import only itself and protocol",
    ]);
  });

  test("lets a room import what lies inside it, and nothing inside import out of it", () => {
    const sources = new Map([
      ["coordinator/shell.ts", `import "./scheduler/scheduler.ts"; import "../protocol/ids.ts";`],
      ["coordinator/scheduler/leases.ts", `import "../shell.ts"; import "./tasks.ts"; import "../../protocol/ids.ts";`],
    ]);
    expect(brokenFloors(sources)).toEqual([
      "coordinator/scheduler/leases.ts imports coordinator/shell.ts, but coordinator/scheduler may import only itself and protocol",
    ]);
  });

  test("refuses a library outside its place, and a second file where one is the limit", () => {
    const sources = new Map([
      ["worker-page/main.ts", `import { wrap } from "comlink";`],
      ["worker-page/threads/pool.ts", `import { wrap } from "comlink/dist/esm/comlink.mjs";`],
      ["sdk/one.ts", `import WebSocket from "ws";`],
      ["sdk/two.ts", `import WebSocket from "ws";`],
      ["test/sdk/one.test.ts", `import WebSocket from "ws";`],
    ]);
    expect(strayLibraries(sources)).toEqual([
      "worker-page/main.ts imports comlink, which belongs to worker-page/threads/",
      "sdk/two.ts imports ws, but sdk/one.ts already does and it belongs to one file of sdk/*",
    ]);
  });

  test.each([
    ["Date.now", "Date.now()"],
    ["Date.now", `Date["now"]()`],
    ["Math.random", "Math.random()"],
    ["new Date()", "new Date()"],
    ["Date()", "Date()"],
    ["setTimeout", "setTimeout(f, 1)"],
    ["setInterval", "setInterval(f, 1)"],
    ["console", "console.log(1)"],
    ["process", "process.env"],
  ])("refuses %s in a pure room", (name, expression) => {
    expect(impurities(new Map([["protocol/ids.ts", `\nexport const value = () => ${expression};`]]))).toEqual([
      `protocol/ids.ts:2 names ${name}, and protocol is pure`,
    ]);
  });

  test("takes no offence at comments, strings, regular expressions, members and dates that are given", () => {
    const source = `
      // Date.now() and console
      const text = "Math.random()" + \`\${1} setTimeout\` + /process/.source;
      export const at = (event: { at: number; process: string }) => [new Date(event.at), event.process, { console: text }];
    `;
    expect(impurities(new Map([["protocol/ids.ts", source]]))).toEqual([]);
  });
});

function brokenFloors(sources: Sources): readonly string[] {
  return importsOf(sources).flatMap(({ file, specifier }) => {
    const room = roomOf(file, Object.keys(rooms));
    if (room === undefined || !specifier.startsWith(".")) return [];
    const target = join(dirname(file), specifier);
    const allowed = rooms[room] ?? [];
    if ([room, ...allowed].some((place) => isInside(target, place))) return [];
    return [`${file} imports ${target}, but ${room} may import only ${["itself", ...allowed].join(" and ")}`];
  });
}

function strayLibraries(sources: Sources): readonly string[] {
  const firstUser = new Map<string, string>();
  return importsOf(sources).flatMap(({ file, specifier }) => {
    const library = packageOf(specifier);
    const homes = libraries[library];
    if (homes === undefined || roomOf(file, freeRooms) !== undefined) return [];
    const home = homes.find((place) => isInside(file, place.replace(/\/\*?$/, "")));
    if (home === undefined)
      return [`${file} imports ${library}, which belongs to ${homes.join(" and ") || "the tests"}`];
    const user = firstUser.get(library + home) ?? file;
    firstUser.set(library + home, user);
    if (!home.endsWith("*") || user === file) return [];
    return [`${file} imports ${library}, but ${user} already does and it belongs to one file of ${home}`];
  });
}

function impurities(sources: Sources): readonly string[] {
  return [...sources].flatMap(([file, source]) => {
    const room = roomOf(file, pureRooms);
    if (room === undefined) return [];
    const found: string[] = [];
    visit(parse(file, source), (node, parent) => {
      const name = impureName(node, parent);
      if (name === undefined) return;
      const line = source.slice(0, Number(node["start"])).split("\n").length;
      found.push(`${file}:${line} names ${name}, and ${room} is pure`);
    });
    return found;
  });
}

function impureName(node: Node, parent: Node | undefined): string | undefined {
  if (node["type"] === "MemberExpression" && isNode(node["object"]) && isNode(node["property"])) {
    const { object, property } = node;
    const member = `${String(object["name"])}.${String(property["name"] ?? property["value"])}`;
    return impureMembers.includes(member) ? member : undefined;
  }
  if (node["type"] !== "Identifier") return undefined;
  const name = String(node["name"]);
  if (name === "Date" && parent?.["callee"] === node) {
    if (parent["type"] === "CallExpression") return "Date()";
    return Array.isArray(parent["arguments"]) && parent["arguments"].length === 0 ? "new Date()" : undefined;
  }
  const isMember = parent?.["computed"] === false && (parent["property"] === node || parent["key"] === node);
  return impureNames.includes(name) && !isMember ? name : undefined;
}

function importsOf(sources: Sources): readonly { readonly file: string; readonly specifier: string }[] {
  return [...sources].flatMap(([file, source]) => {
    const found: { file: string; specifier: string }[] = [];
    visit(parse(file, source), ({ type, source: from }) => {
      const isImport = /^(ImportDeclaration|ImportExpression|Export(Named|All)Declaration|TSImportType)$/.test(
        String(type),
      );
      if (isImport && isNode(from) && typeof from["value"] === "string") found.push({ file, specifier: from["value"] });
    });
    return found;
  });
}

type Node = Readonly<Record<string, unknown>>;

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null;
}

function parse(file: string, source: string): unknown {
  const { program, errors } = parseSync(file, source);
  if (errors.length > 0) throw new Error(`Cannot read ${file}: ${errors[0]?.message}`);
  return program;
}

function visit(value: unknown, see: (node: Node, parent: Node | undefined) => void, parent?: Node): void {
  if (Array.isArray(value)) {
    for (const item of value) visit(item, see, parent);
  } else if (isNode(value)) {
    see(value, parent);
    for (const child of Object.values(value)) visit(child, see, value);
  }
}

function roomOf(file: string, known: readonly string[]): string | undefined {
  return known.filter((room) => isInside(file, room)).sort((a, b) => b.length - a.length)[0];
}

function isInside(file: string, place: string): boolean {
  return file === place || file.startsWith(`${place}/`);
}

function packageOf(specifier: string): string {
  return specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
}

function readSources(): Sources {
  const root = join(import.meta.dirname, "..");
  const folders = readdirSync(root, { withFileTypes: true }).filter(
    (entry) => entry.isDirectory() && !/^\.|^(node_modules|dist|docs|test-results)$/.test(entry.name),
  );
  const files = folders.flatMap(({ name }) =>
    readdirSync(join(root, name), { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".ts"))
      .map((file) => join(name, file.replaceAll("\\", "/"))),
  );
  return new Map(files.sort().map((file) => [file, readFileSync(join(root, file), "utf8")]));
}
