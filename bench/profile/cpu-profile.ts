/** A CPU profile of V8, read: who spent how long, by function and by file of the sources. */
import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, join, relative } from "node:path";

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      /** From 0. */
      readonly lineNumber: number;
      readonly columnNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  /** Microseconds of the machine's monotonic clock. */
  readonly startTime: number;
  readonly endTime: number;
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

export interface Place {
  readonly what: string;
  /** `file:line` in the sources, or what the bundle says. */
  readonly where: string;
}

export interface Spent {
  readonly busyUs: number;
  /** In the function itself. */
  readonly byFunction: readonly (Place & { readonly us: number })[];
  /** In the function and what it called; a recursive call counts once. */
  readonly withCallees: readonly (Place & { readonly us: number })[];
  readonly byFile: readonly { readonly file: string; readonly us: number }[];
}

/** Only what was sampled from `from` to `to`, in microseconds of the profile's clock. */
export function spent(profile: CpuProfile, placeOf: (frame: Frame) => Place, from = -Infinity, to = Infinity): Spent {
  const selfUs = new Map<number, number>();
  let at = profile.startTime;
  for (const [i, id] of (profile.samples ?? []).entries()) {
    // A delta is the time since the sample before, which is what this one is taken to stand for.
    const us = profile.timeDeltas?.[i] ?? 0;
    at += us;
    if (at >= from && at <= to) selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, us));
  }
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id] as const)),
  );
  const byFunction = new Map<string, { what: string; where: string; us: number }>();
  const withCallees = new Map<string, { what: string; where: string; us: number }>();
  const byFile = new Map<string, number>();
  const keys = new Map<number, { key: string; place: Place }>();
  const keyOf = (id: number): { key: string; place: Place } | undefined => {
    const node = nodes.get(id);
    if (node === undefined) return undefined;
    let known = keys.get(id);
    if (known === undefined) {
      const place = placeOf(node.callFrame);
      keys.set(id, (known = { key: `${place.what} ${place.where}`, place }));
    }
    return known;
  };
  let busyUs = 0;
  for (const [id, us] of selfUs) {
    const own = keyOf(id);
    if (own === undefined || own.place.what === "(idle)") continue;
    busyUs += us;
    add(byFunction, own.key, own.place, us);
    const file = own.place.where.replace(/:\d+$/, "") || own.place.what;
    byFile.set(file, (byFile.get(file) ?? 0) + us);
    const seen = new Set<string>();
    for (let up: number | undefined = id; up !== undefined; up = parents.get(up)) {
      const caller = keyOf(up);
      if (caller === undefined || seen.has(caller.key)) continue;
      seen.add(caller.key);
      add(withCallees, caller.key, caller.place, us);
    }
  }
  return {
    busyUs,
    byFunction: [...byFunction.values()].sort((a, b) => b.us - a.us),
    withCallees: [...withCallees.values()].sort((a, b) => b.us - a.us),
    byFile: [...byFile].map(([file, us]) => ({ file, us })).sort((a, b) => b.us - a.us),
  };
}

function add(
  to: Map<string, { what: string; where: string; us: number }>,
  key: string,
  { what, where }: Place,
  us: number,
): void {
  const known = to.get(key);
  if (known === undefined) to.set(key, { what, where, us });
  else known.us += us;
}

export type Frame = CpuProfile["nodes"][number]["callFrame"];

/** Finds a bundle's frames in the sources, by the source map beside it. `fileOf` gives the bundle on disk for a URL. */
export function sourcePlaces(root: string, fileOf: (url: string) => string | undefined): (frame: Frame) => Place {
  const maps = new Map<string, SourceMap | undefined>();
  return ({ functionName, url, lineNumber, columnNumber }) => {
    const what = functionName || "(anonymous)";
    const file = fileOf(url);
    if (file === undefined) return { what, where: url === "" ? "" : `${url}:${lineNumber + 1}` };
    if (!maps.has(file)) maps.set(file, readMap(file));
    const entry = maps.get(file)?.findEntry(lineNumber, columnNumber);
    if (entry === undefined || !("originalSource" in entry))
      return { what, where: `${relative(root, file)}:${lineNumber + 1}` };
    return { what, where: `${relative(root, join(dirname(file), entry.originalSource))}:${entry.originalLine + 1}` };
  };
}

function readMap(file: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(`${file}.map`, "utf8")));
  } catch {
    return undefined;
  }
}
