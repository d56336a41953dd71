/**
 * What the page says in words: the state of this worker, its line, and its counts. Status in, text out; knows nothing
 * about the DOM.
 */
import type { LinkState } from "./coordinator-link.ts";
import type { Status } from "./shell.ts";

export type Phase = "idle" | "running" | "left";

export interface Scene {
  readonly phase: Phase;
  /** Undefined before Start and after leaving. */
  readonly status: Status | undefined;
  readonly at: number;
  readonly isHidden: boolean;
}

/** One word for tests and scripts, on the document element. */
export function stateWord({ phase, status }: Scene): string {
  if (phase !== "running" || status === undefined) return phase;
  const { picture, link } = status;
  if (picture.state === "leaving" || picture.state === "left") return picture.state;
  if (link.type === "refused") return link.isOutdated ? "outdated" : "refused";
  if (link.type !== "linked") return "connecting";
  if (picture.state === "paused") return "paused";
  return picture.running.length > 0 ? "working" : "ready";
}

/** How long a suspension is worth mentioning. */
const suspensionNewsMs = 60_000;

export function stateSentence(scene: Scene): string {
  const { phase, status, at, isHidden } = scene;
  if (phase === "idle") return "Nothing runs here yet.";
  if (phase === "left" || status === undefined) return "You have left. Nothing runs here any more. Thank you!";
  const { picture, link } = status;
  if (picture.state === "leaving") {
    const { length } = picture.actors;
    return length > 0
      ? `Moving ${count(length)} ${length === 1 ? "actor" : "actors"} to other tabs. Press Leave again to stop at once.`
      : "Leaving when what runs here is done. Press Leave again to stop it at once.";
  }
  if (link.type === "refused") return refusalSentence(link);
  if (link.type !== "linked") return "Waiting for the coordinator. This tab comes back by itself.";
  if (picture.state === "paused") {
    return picture.running.length > 0
      ? "Paused: what runs here finishes, nothing new begins."
      : "Paused: nothing new begins until you press Continue.";
  }
  const { suspension } = picture;
  if (suspension !== undefined && at - suspension.at < suspensionNewsMs) {
    return `This tab stood still for ${duration(suspension.ms)}: the browser or the computer put it to sleep.`;
  }
  const slowed = isHidden ? " The tab is hidden, so the browser may slow it down." : "";
  return picture.running.length > 0 ? `Working.${slowed}` : `Ready: waiting for work.${slowed}`;
}

function refusalSentence(link: Extract<LinkState, { type: "refused" }>): string {
  if (link.isOutdated) return "This page is older or newer than its coordinator. It reloads by itself.";
  return `The coordinator does not let this tab in: ${link.message}`;
}

export function linkWords(link: LinkState | undefined): string {
  switch (link?.type) {
    case undefined:
    case "ended":
      return "none";
    case "connecting":
      return "connecting";
    case "lost":
      return "lost, trying again";
    case "refused":
      return "refused";
    case "linked":
      return linkedWords(link);
  }
}

function linkedWords({ kind, upgrade }: Extract<LinkState, { type: "linked" }>): string {
  if (kind === "webrtc") return "WebRTC";
  switch (upgrade) {
    case "opening":
      return "WebSocket, trying WebRTC";
    case "blocked":
      return "WebSocket: UDP is blocked here";
    case "lost":
      return "WebSocket: WebRTC was lost, trying again";
    case "off":
      return "WebSocket";
  }
}

/** The title tells the progress of a tab that nobody looks at; a browser also keeps such a tab longer. */
export function titleOf(scene: Scene): string {
  const { status } = scene;
  if (scene.phase !== "running" || status === undefined) return "Lend a tab · tabgrid";
  const sign = { working: "●", ready: "○", paused: "‖", leaving: "…" }[stateWord(scene)] ?? "!";
  return `${sign} ${count(status.picture.done)} done · tabgrid`;
}

/** What runs now, one line per job and name. */
export function runningLines({ picture }: Status): readonly string[] {
  return picture.running.map(({ jobId, name, count: times }) => {
    const what = times === 1 ? name : `${count(times)} × ${name}`;
    return `${what} — job ${jobId}`;
  });
}

export function actorLines({ picture }: Status): readonly string[] {
  return picture.actors.map(({ className, name, actorId }) => `${className} “${name ?? actorId}”`);
}

/** How safe what lives here is; nothing where nobody does. */
export function savedSentence({ status, at }: Scene): string {
  const actors = status?.picture.actors ?? [];
  if (actors.length === 0) return "";
  const live = actors.length === 1 ? "1 lives here." : `${count(actors.length)} live here.`;
  const savedAt = Math.max(...actors.map((actor) => actor.savedAt ?? -Infinity));
  if (savedAt === -Infinity) return `${live} Nothing is saved yet.`;
  const age = Math.max(0, at - savedAt);
  const saved = `Last saved ${age < 10_000 ? `${count(age)} ms` : duration(age)} ago`;
  const notKept = actors.find((actor) => actor.notKept !== undefined)?.notKept;
  return notKept === undefined
    ? `${live} ${saved}, in this browser and with the coordinator.`
    : `${live} ${saved}, with the coordinator only: this browser keeps no copy (${notKept}).`;
}

export function count(value: number): string {
  return value.toLocaleString("en");
}

export function duration(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${count(Math.floor(minutes / 60))} h ${minutes % 60} min`;
}
