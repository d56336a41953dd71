/**
 * Which faults come when, drawn from one seed before anything begins: the same seed and size give the same list, whatever
 * the world makes of it. Knows nothing about how a fault is done.
 */
import { type Random, random } from "../simulation/random.ts";

export type FaultKind =
  | "tab-closed"
  | "tab-reloaded"
  | "tab-crashed"
  | "tab-frozen"
  | "tab-duplicated"
  | "tab-slowed"
  | "tab-left"
  | "clock-jumped"
  | "browser-stopped"
  | "browser-killed"
  | "browser-cut"
  | "browser-silent"
  | "coordinator-stopped"
  | "coordinator-killed"
  | "client-cut"
  | "client-silent";

export type Target =
  | { readonly type: "tab"; readonly browser: number; readonly tab: number }
  | { readonly type: "browser"; readonly browser: number }
  | { readonly type: "coordinator" }
  | { readonly type: "client"; readonly client: number };

export interface PlannedFault {
  readonly number: number;
  /** From the beginning of the schedule. */
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly target: Target;
  /** From doing it to undoing it; 0 where there is nothing to undo. */
  readonly durationMs: number;
  /** How many times slower, or by how many ms a clock jumps; 0 elsewhere. */
  readonly amount: number;
}

export interface Size {
  readonly browsers: number;
  /** In each browser. */
  readonly tabs: number;
  readonly clients: number;
  readonly totalMs: number;
  /** Only these. Default: all. */
  readonly kinds?: readonly FaultKind[];
}

interface Kind {
  readonly on: Target["type"];
  readonly weight: number;
  /** What it occupies: two faults that occupy the same never overlap. */
  readonly occupies: "tab" | "process" | "network" | "coordinator" | "client";
  /** Until its target is as before, on top of the duration. */
  readonly recoveryMs: number;
  durationMs(chance: Random): number;
  amount?(chance: Random): number;
}

/** Leases and half-open links end within about 16 s: what lasts this long outlives them. */
const pastLeasesMs = 25_000;

const between = (chance: Random, least: number, most: number): number =>
  Math.round(least + chance.next() * (most - least));
const shortOrPastLeases = (chance: Random, most: number, share: number): number =>
  chance.chance(share) ? pastLeasesMs : between(chance, 1_000, most);

const kinds: Readonly<Record<FaultKind, Kind>> = {
  "tab-closed": tab(10, 1_500, (chance) => between(chance, 0, 3_000)),
  "tab-reloaded": tab(14, 1_500, () => 0),
  "tab-crashed": tab(8, 1_500, (chance) => between(chance, 200, 2_000)),
  "tab-frozen": tab(8, 1_000, (chance) => shortOrPastLeases(chance, 4_000, 0.3)),
  "tab-duplicated": tab(4, 1_000, (chance) => between(chance, 1_000, 4_000)),
  "tab-slowed": {
    ...tab(5, 500, (chance) => between(chance, 2_000, 8_000)),
    amount: (chance) => between(chance, 4, 20),
  },
  "tab-left": tab(6, 2_000, (chance) => between(chance, 500, 4_000)),
  "clock-jumped": {
    ...tab(5, 500, (chance) => between(chance, 2_000, 8_000)),
    amount: (chance) => (chance.chance(0.5) ? 1 : -1) * between(chance, 60_000, 600_000),
  },
  "browser-stopped": browser(5, "process", 1_000, (chance) => shortOrPastLeases(chance, 8_000, 0.2)),
  "browser-killed": browser(5, "process", 4_000, (chance) => between(chance, 200, 3_000)),
  "browser-cut": browser(6, "network", 500, (chance) => between(chance, 200, 8_000)),
  "browser-silent": browser(6, "network", 500, (chance) => shortOrPastLeases(chance, 8_000, 0.2)),
  "coordinator-stopped": {
    on: "coordinator",
    occupies: "coordinator",
    weight: 4,
    recoveryMs: 1_000,
    durationMs: (chance) => between(chance, 500, 8_000),
  },
  "coordinator-killed": {
    on: "coordinator",
    occupies: "coordinator",
    weight: 7,
    recoveryMs: 3_000,
    durationMs: (chance) => between(chance, 200, 3_000),
  },
  "client-cut": client(4, (chance) => between(chance, 200, 5_000)),
  "client-silent": client(3, (chance) => between(chance, 1_000, 10_000)),
};

export const faultKinds = Object.keys(kinds) as readonly FaultKind[];

const spacingMs = 1_200;
const leastSpacingMs = 200;
const mostSpacingMs = 4_000;

/** In order of time. At every moment at least one tab is left alone, by itself and by its browser. */
export function drawSchedule(seed: number, size: Size): readonly PlannedFault[] {
  const chance = random(seed);
  const drawn: PlannedFault[] = [];
  const busyUntil = new Map<string, number>();
  const wanted = size.kinds ?? faultKinds;
  // In a short run nothing lasts longer than a third of it.
  const longestMs = size.totalMs / 3;
  for (let atMs = nextAt(0, chance); atMs < size.totalMs; atMs = nextAt(atMs, chance)) {
    const kind = pickKind(wanted, chance);
    const { on, occupies, recoveryMs, durationMs, amount } = kinds[kind];
    const target = chance.pick(targets(on, size));
    const lastsMs = Math.min(durationMs(chance), Math.round(longestMs));
    const by = amount?.(chance) ?? 0;
    if (target === undefined || !isFree(target, occupies, atMs, busyUntil)) continue;
    if (!leavesOneAlone(target, atMs, busyUntil, size)) continue;
    busyUntil.set(placeOf(target, occupies), atMs + lastsMs + recoveryMs);
    drawn.push({ number: drawn.length + 1, atMs: Math.round(atMs), kind, target, durationMs: lastsMs, amount: by });
  }
  return drawn;
}

/** What a fault occupies while it lasts, such as `process 1`. */
export function laneOf({ kind, target }: PlannedFault): string {
  return placeOf(target, kinds[kind].occupies);
}

export function nameOf(target: Target): string {
  switch (target.type) {
    case "tab":
      return tabName(target.browser, target.tab);
    case "browser":
      return browserName(target.browser);
    case "coordinator":
      return "coordinator";
    case "client":
      return clientName(target.client);
  }
}

export const browserName = (browser: number): string => `browser-${browser + 1}`;
export const tabName = (browser: number, tab: number): string => `tab-${browser + 1}-${tab + 1}`;
export const clientName = (client: number): string => `client-${client + 1}`;

function tab(weight: number, recoveryMs: number, durationMs: Kind["durationMs"]): Kind {
  return { on: "tab", occupies: "tab", weight, recoveryMs, durationMs };
}

function browser(
  weight: number,
  occupies: "process" | "network",
  recoveryMs: number,
  durationMs: Kind["durationMs"],
): Kind {
  return { on: "browser", occupies, weight, recoveryMs, durationMs };
}

function client(weight: number, durationMs: Kind["durationMs"]): Kind {
  return { on: "client", occupies: "client", weight, recoveryMs: 500, durationMs };
}

function nextAt(atMs: number, chance: Random): number {
  return atMs + Math.min(mostSpacingMs, Math.max(leastSpacingMs, chance.around(spacingMs)));
}

function pickKind(wanted: readonly FaultKind[], chance: Random): FaultKind {
  let left = chance.next() * wanted.reduce((sum, kind) => sum + kinds[kind].weight, 0);
  for (const kind of wanted) {
    left -= kinds[kind].weight;
    if (left < 0) return kind;
  }
  throw new Error("Cannot draw a fault: no kind is wanted");
}

function targets(on: Target["type"], { browsers, tabs, clients }: Size): readonly Target[] {
  switch (on) {
    case "tab":
      return upTo(browsers).flatMap((browser) => upTo(tabs).map((tab) => ({ type: "tab", browser, tab }) as const));
    case "browser":
      return upTo(browsers).map((browser) => ({ type: "browser", browser }) as const);
    case "coordinator":
      return [{ type: "coordinator" }];
    case "client":
      return upTo(clients).map((client) => ({ type: "client", client }) as const);
  }
}

/** Nobody presses a key in a browser that is stopped or dead. */
function isFree(
  target: Target,
  occupies: Kind["occupies"],
  atMs: number,
  busyUntil: ReadonlyMap<string, number>,
): boolean {
  if (isBusy(placeOf(target, occupies), atMs, busyUntil)) return false;
  return target.type !== "tab" || !isBusy(`process ${target.browser}`, atMs, busyUntil);
}

function leavesOneAlone(target: Target, atMs: number, busyUntil: ReadonlyMap<string, number>, size: Size): boolean {
  if (target.type === "coordinator" || target.type === "client") return true;
  return targets("tab", size).some(
    (other) =>
      other.type === "tab" &&
      (target.type === "browser" ? other.browser !== target.browser : nameOf(other) !== nameOf(target)) &&
      [placeOf(other, "tab"), `process ${other.browser}`, `network ${other.browser}`].every(
        (place) => !isBusy(place, atMs, busyUntil),
      ),
  );
}

function isBusy(place: string, atMs: number, busyUntil: ReadonlyMap<string, number>): boolean {
  return (busyUntil.get(place) ?? 0) > atMs;
}

function placeOf(target: Target, occupies: Kind["occupies"]): string {
  switch (target.type) {
    case "tab":
      return `tab ${target.browser}.${target.tab}`;
    case "browser":
      return `${occupies} ${target.browser}`;
    case "coordinator":
      return "coordinator";
    case "client":
      return `client ${target.client}`;
  }
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => i);
}
