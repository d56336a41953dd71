import { describe, expect, test } from "vitest";
import type { WorkerId } from "../../protocol/ids.ts";
import type { LinkState } from "../../worker-page/coordinator-link.ts";
import type { Picture } from "../../worker-page/machine/picture.ts";
import {
  actorLines,
  duration,
  linkWords,
  runningLines,
  savedSentence,
  type Scene,
  stateSentence,
  stateWord,
  titleOf,
} from "../../worker-page/sentences.ts";
import { anActor, jobA } from "./machine/builders.ts";

const linked: LinkState = { type: "linked", kind: "webrtc", upgrade: "off" };
const running = [{ jobId: jobA, name: "resize", count: 3 }];

const anActorLine = (): Picture["actors"][number] => ({
  actorId: anActor(1),
  className: "Counter",
  name: "hits",
  savedAt: undefined,
  notKept: undefined,
});

function aScene(picture: Partial<Picture> = {}, link: LinkState = linked): Scene {
  const whole: Picture = {
    state: "lending",
    done: 1_234,
    failed: 0,
    ranMs: 0,
    threads: { lent: 2, busy: 0 },
    waiting: 0,
    running: [],
    actors: [],
    suspension: undefined,
    forgeries: 0,
    refusals: 0,
    ...picture,
  };
  return {
    phase: "running",
    status: { picture: whole, link, workerId: "w1" as WorkerId },
    at: 100_000,
    isHidden: false,
  };
}

describe("what the page says", () => {
  test.each<readonly [string, Scene, string, RegExp]>([
    ["before Start", { ...aScene(), phase: "idle", status: undefined }, "idle", /Nothing runs here yet/],
    ["after leaving", { ...aScene(), phase: "left", status: undefined }, "left", /You have left/],
    ["without work", aScene(), "ready", /waiting for work/],
    ["at work", aScene({ running }), "working", /^Working\.$/],
    ["hidden", { ...aScene({ running }), isHidden: true }, "working", /hidden, so the browser may slow it down/],
    ["paused", aScene({ state: "paused" }), "paused", /press Continue/],
    ["pausing", aScene({ state: "paused", running }), "paused", /what runs here finishes/],
    ["leaving", aScene({ state: "leaving" }), "leaving", /when what runs here is done. Press Leave again/],
    [
      "moving",
      aScene({ state: "leaving", actors: [anActorLine(), anActorLine()] }),
      "leaving",
      /^Moving 2 actors to other/,
    ],
    [
      "moving one",
      aScene({ state: "leaving", actors: [anActorLine()] }),
      "leaving",
      /^Moving 1 actor to other tabs\. Press/,
    ],
    ["without a coordinator", aScene({}, { type: "connecting" }), "connecting", /Waiting for the coordinator/],
    ["cut off", aScene({}, { type: "lost" }), "connecting", /comes back by itself/],
    ["after sleep", aScene({ suspension: { at: 90_000, ms: 125_000 } }), "ready", /stood still for 2 min 5 s/],
    ["not let in", aScene({}, { type: "refused", message: "no token", isOutdated: false }), "refused", /no token/],
    [
      "of another version",
      aScene({}, { type: "refused", message: "", isOutdated: true }),
      "outdated",
      /reloads by itself/,
    ],
  ])("[PAGE-6] %s", (_, scene, word, sentence) => {
    expect(stateWord(scene)).toBe(word);
    expect(stateSentence(scene)).toMatch(sentence);
  });

  test("[PAGE-6] the title tells the progress", () => {
    expect(titleOf(aScene({ running }))).toBe("● 1,234 done · tabgrid");
    expect(titleOf(aScene())).toBe("○ 1,234 done · tabgrid");
    expect(titleOf({ ...aScene(), phase: "idle", status: undefined })).toBe("Lend a tab · tabgrid");
  });

  test("[PAGE-6] the link is named, and why it is not the better one", () => {
    expect(linkWords(linked)).toBe("WebRTC");
    expect(linkWords({ type: "linked", kind: "websocket", upgrade: "blocked" })).toBe("WebSocket: UDP is blocked here");
    expect(linkWords({ type: "lost" })).toBe("lost, trying again");
    expect(linkWords(undefined)).toBe("none");
  });

  test("[PAGE-6] what runs and lives here is named", () => {
    const { status } = aScene({ running, actors: [anActorLine()] });
    if (status === undefined) throw new Error("no status");
    expect(runningLines(status)).toEqual([`3 × resize — job ${jobA}`]);
    expect(actorLines(status)).toEqual(["Counter “hits”"]);
  });

  test.each<readonly [string, readonly Partial<ReturnType<typeof anActorLine>>[], string]>([
    ["nobody", [], ""],
    ["one that is new", [{}], "1 lives here. Nothing is saved yet."],
    [
      "several",
      [{ savedAt: 99_660 }, { savedAt: 90_000 }, {}],
      "3 live here. Last saved 340 ms ago, in this browser and with the coordinator.",
    ],
    [
      "one that rests",
      [{ savedAt: 30_000 }],
      "1 lives here. Last saved 1 min 10 s ago, in this browser and with the coordinator.",
    ],
    [
      "one without a copy here",
      [{ savedAt: 99_999, notKept: "the disk is full" }],
      "1 lives here. Last saved 1 ms ago, with the coordinator only: this browser keeps no copy (the disk is full).",
    ],
  ])("[PAGE-15] how safe actors are: %s", (_, actors, sentence) => {
    expect(savedSentence(aScene({ actors: actors.map((actor) => ({ ...anActorLine(), ...actor })) }))).toBe(sentence);
  });

  test("[PAGE-6] durations are read easily", () => {
    expect([900, 61_000, 3_600_000, 90_061_000].map(duration)).toEqual(["0 s", "1 min 1 s", "1 h 0 min", "25 h 1 min"]);
  });
});
