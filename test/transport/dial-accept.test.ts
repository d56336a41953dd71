import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AuthenticationError } from "../../protocol/errors.ts";
import { Acceptor, wrongKeyCode } from "../../transport/accept.ts";
import type { AcceptEvent, HelloDecision, HelloRequest } from "../../transport/accept.ts";
import type { Channel } from "../../transport/channel.ts";
import { dial } from "../../transport/dial.ts";
import type { DialEnding, Dialing, DialOptions } from "../../transport/dial.ts";
import { decodeFrame, encodeJson } from "../../transport/frame.ts";
import type { Welcome } from "../../transport/handshake.ts";
import { memoryChannelPair } from "../../transport/memory-channel.ts";
import type { MemoryChannel } from "../../transport/memory-channel.ts";
import { listenTo } from "../contracts/channel.ts";
import { aSession, numbersTo, settle } from "./support.ts";
import type { TestSession } from "./support.ts";

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "performance"],
  });
});
afterEach(() => {
  for (const end of ends.splice(0)) end();
  vi.useRealTimers();
});
const ends: (() => void)[] = [];

/** An accepting process and the network to it; a test may close one, or begin another. */
class Grid {
  readonly events: AcceptEvent[] = [];
  readonly requests: HelloRequest[] = [];
  readonly sessions = new Map<string, TestSession>();
  /** Both ends of every channel that was opened, newest last: the dialing end first. */
  readonly channels: (readonly [MemoryChannel, MemoryChannel])[] = [];
  isReachable = true;
  attempts: number[] = [];
  decide: (request: HelloRequest) => HelloDecision | Promise<HelloDecision> = (request) => this.accepted(request);
  acceptor = this.begin();

  begin(): Acceptor {
    const acceptor = new Acceptor({
      onHello: (request) => {
        this.requests.push(request);
        return this.decide(request);
      },
      onEvent: (event) => this.events.push(event),
    });
    ends.push(() => acceptor.close());
    return acceptor;
  }

  accepted(request: HelloRequest): HelloDecision {
    const test = aSession();
    this.sessions.set(request.sessionId, test);
    return { type: "accept", session: test.session, retainMs: 30_000, welcome: { to: "you" } };
  }

  /** As a process does that keeps what it hears, and has kept `kept` batches of this session before. */
  keeping(request: HelloRequest, kept: number): HelloDecision {
    const test = aSession({ kept });
    const { claim } = request;
    this.sessions.set(claim?.sessionId ?? request.sessionId, test);
    const accept = { type: "accept", session: test.session, retainMs: 30_000, welcome: { to: "you" } } as const;
    return claim === undefined ? accept : { ...accept, restored: claim };
  }

  open = async (): Promise<Channel> => {
    this.attempts.push(performance.now());
    if (!this.isReachable) throw new Error("unreachable");
    const pair = memoryChannelPair({ kind: "websocket" });
    this.channels.push(pair);
    this.acceptor.accept(pair[1], "10.0.0.7");
    return pair[0];
  };

  /** The session that was accepted last. */
  get newest(): TestSession {
    const newest = [...this.sessions.values()].at(-1);
    if (newest === undefined) throw new Error("no session was accepted");
    return newest;
  }

  eventTypes(): string[] {
    return this.events.map((event) => event.type);
  }
}

interface Client extends TestSession {
  readonly dialing: Dialing;
  readonly endings: DialEnding[];
  readonly welcomes: { readonly welcome: Welcome; readonly isFirst: boolean }[];
}

function aClient(grid: Grid, options: Partial<DialOptions> = {}): Client {
  const test = aSession();
  const endings: DialEnding[] = [];
  const welcomes: { readonly welcome: Welcome; readonly isFirst: boolean }[] = [];
  const dialing = dial({
    open: grid.open,
    hello: () => ({ token: "t" }),
    session: test.session,
    onWelcome: (welcome, isFirst) => welcomes.push({ welcome, isFirst }),
    onEnd: (ending) => endings.push(ending),
    reconnectMs: 30_000,
    random: () => 0,
    ...options,
  });
  ends.push(() => test.session.close("test over"));
  return { ...test, dialing, endings, welcomes };
}

describe("dialing and accepting", () => {
  it("[LINK-1] opens a session: hello, decision, welcome, messages both ways", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    client.session.send("said before it opened");
    const welcome = await client.dialing.opened;
    grid.newest.session.send("hi");
    await settle();
    expect(grid.requests).toMatchObject([{ hello: { token: "t" }, address: "10.0.0.7", claim: undefined }]);
    expect(welcome).toMatchObject({ isResumed: false, welcome: { to: "you" } });
    expect(welcome.sessionId).toMatch(/^[\da-f]{32}$/);
    expect(welcome.resumeKey).toMatch(/^[\da-f]{64}$/);
    expect([grid.newest.received, client.received]).toEqual([["said before it opened"], ["hi"]]);
    expect([grid.acceptor.size, grid.acceptor.pendingCount]).toEqual([1, 0]);
  });

  it("[LINK-2] reports a refusal with its code, and does not dial again", async () => {
    const grid = new Grid();
    grid.decide = () => ({ type: "refuse", code: "AUTHENTICATION", message: "Cannot join: bad token" });
    const client = aClient(grid);
    await expect(client.dialing.opened).rejects.toThrow("bad token");
    await passMs(60_000);
    expect(client.endings).toEqual([{ type: "refused", code: "AUTHENTICATION", message: "Cannot join: bad token" }]);
    expect([grid.attempts.length, client.session.isClosed, grid.acceptor.size]).toEqual([1, true, 0]);
  });

  it("[LINK-2] refuses with the code of the GridError that the owner throws", async () => {
    const grid = new Grid();
    grid.decide = () => {
      throw new AuthenticationError("Cannot join: token expired");
    };
    const client = aClient(grid);
    await expect(client.dialing.opened).rejects.toThrow("token expired");
    expect(client.endings).toMatchObject([{ type: "refused", code: "AUTHENTICATION" }]);
  });

  it("[LINK-2] lets the dialer try again when the owner fails otherwise, and tells the owner", async () => {
    const grid = new Grid();
    const error = new Error("no database");
    grid.decide = async () => {
      throw error;
    };
    const client = aClient(grid);
    await passMs(50);
    expect(grid.events[0]).toEqual({ type: "hello-failed", address: "10.0.0.7", error });
    grid.decide = (request) => grid.accepted(request);
    await passMs(1_000);
    expect(client.session.link).toBe("websocket");
  });

  it("[LINK-2] ends a session later, for good, by a refusal", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    await client.dialing.opened;
    grid.newest.session.refuse("AUTHENTICATION", "the token was revoked");
    await passMs(1_000);
    expect(client.endings).toEqual([{ type: "refused", code: "AUTHENTICATION", message: "the token was revoked" }]);
    expect(grid.eventTypes()).toEqual(["session-closed"]);
    expect(grid.attempts).toHaveLength(1);
  });

  it("[LINK-3] resumes after a loss, losing and repeating nothing", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    const { sessionId } = await client.dialing.opened;
    for (let round = 0; round < 5; round++) {
      const channel = grid.channels.at(-1)?.[round % 2];
      channel?.goSilent();
      for (const n of numbersTo(20)) {
        client.session.send(round * 20 + n);
        grid.newest.session.send(round * 20 + n);
      }
      await settle();
      channel?.break();
      await passMs(10_000);
    }
    expect(grid.newest.received).toEqual(numbersTo(100));
    expect(client.received).toEqual(numbersTo(100));
    expect(grid.sessions.size).toBe(1);
    expect(grid.eventTypes()).toEqual(Array.from({ length: 5 }, () => ["link-lost", "link-resumed"]).flat());
    expect(grid.events[1]).toEqual({
      type: "link-resumed",
      sessionId,
      hello: { token: "t" },
      address: "10.0.0.7",
    });
    expect(client.welcomes.map(({ isFirst, welcome }) => [isFirst, welcome.isResumed])).toEqual([
      [true, false],
      ...Array.from({ length: 5 }, () => [false, true]),
    ]);
  });

  it("[LINK-3] closes the old channel when a resume arrives before its loss was seen", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    await client.dialing.opened;
    const [atClient, atGrid] = grid.channels[0] ?? memoryChannelPair();
    // Half open: the client's side is gone, the grid's still looks well.
    client.session.dropPrimary("noticed here only");
    atClient.goSilent();
    await passMs(1_000);
    client.session.send("again");
    await settle();
    expect(atGrid.isClosed).toBe(true);
    expect(grid.newest.received).toEqual(["again"]);
  });

  it("[LINK-4] refuses a resume with the wrong key, and leaves the session as it was", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    const { sessionId, resumeKey } = await client.dialing.opened;
    const wrong = `0${resumeKey.slice(1)}` === resumeKey ? `1${resumeKey.slice(1)}` : `0${resumeKey.slice(1)}`;
    for (const key of [wrong, resumeKey.slice(1)]) {
      const thief = listenTo(await grid.open());
      const [channel] = grid.channels.at(-1) ?? memoryChannelPair();
      channel.send(encodeJson("hello", { hello: {}, resume: { sessionId, resumeKey: key, received: 0 } }));
      await thief.close();
      expect(thief.received.map(decodeFrame)).toMatchObject([{ type: "refuse", body: { code: wrongKeyCode } }]);
    }
    client.session.send("still mine");
    await settle();
    expect(grid.newest.received).toEqual(["still mine"]);
    expect(grid.eventTypes()).toEqual([]);
  });

  it("[LINK-5] retries at once, then after 100 ms doubling to 1.5 s, and gives up after reconnectMs", async () => {
    const grid = new Grid();
    const client = aClient(grid, { reconnectMs: 20_000 });
    await client.dialing.opened;
    await passMs(60_000);
    grid.isReachable = false;
    grid.attempts = [];
    const lostAt = performance.now();
    grid.channels.at(-1)?.[0].break("cable");
    await passMs(19_000);
    const waits = grid.attempts.map((at, i) => Math.round(at - (grid.attempts[i - 1] ?? lostAt)));
    expect(waits).toEqual([0, 100, 200, 400, 800, ...Array.from({ length: 11 }, () => 1_500)]);
    expect([client.endings, client.session.link]).toEqual([[], "none"]);
    await passMs(2_000);
    expect(client.endings).toEqual([{ type: "gave-up", message: "no answer for 20000 ms: unreachable" }]);
    expect(client.session.isClosed).toBe(true);
  });

  it("[LINK-5] does not dial in a tight loop when each welcome is followed by a loss", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    await client.dialing.opened;
    grid.attempts = [];
    for (let i = 0; i < 200; i++) {
      grid.channels.at(-1)?.[1].break();
      await passMs(50);
    }
    expect(grid.attempts.length).toBeLessThan(15);
    expect(client.endings).toEqual([]);
  });

  it("[LINK-5] gives up the first connection after connectMs", async () => {
    const grid = new Grid();
    grid.isReachable = false;
    const client = aClient(grid, { connectMs: 2_000 });
    const failed = expect(client.dialing.opened).rejects.toThrow("no answer for 2000 ms: unreachable");
    await passMs(2_100);
    await failed;
    expect(client.endings).toMatchObject([{ type: "gave-up" }]);
  });

  it("[LINK-5] gives up an attempt that gets no welcome in 10 s, and closes its channel", async () => {
    const grid = new Grid();
    grid.decide = () => new Promise(() => {});
    const client = aClient(grid, { connectMs: 15_000 });
    await passMs(14_000);
    expect([grid.attempts.length, grid.channels[0]?.[0].isClosed]).toEqual([2, true]);
    await passMs(2_000);
    expect(client.endings).toMatchObject([{ type: "gave-up" }]);
  });

  it("[LINK-6] says goodbye: the other end forgets the session at once", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    const { sessionId } = await client.dialing.opened;
    client.session.send("last words");
    client.dialing.goodbye("tab closed");
    await settle();
    expect(grid.events).toEqual([{ type: "said-goodbye", sessionId, reason: "tab closed" }]);
    expect(client.endings).toEqual([{ type: "closed", message: "tab closed" }]);
    expect([grid.newest.received, grid.acceptor.size]).toEqual([["last words"], 0]);
    await passMs(30_000);
    expect(grid.attempts).toHaveLength(1);
  });

  it("[LINK-7] forgets a session that is not resumed within its retention, which the owner may change", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    const { sessionId } = await client.dialing.opened;
    grid.acceptor.retain(sessionId, 5_000);
    grid.isReachable = false;
    grid.channels[0]?.[0].break("cable");
    await passMs(4_900);
    expect(grid.eventTypes()).toEqual(["link-lost"]);
    await passMs(500);
    expect(grid.events.slice(1)).toEqual([
      { type: "retention-expired", sessionId, reason: "not resumed within 5000 ms" },
    ]);
    expect([grid.acceptor.size, grid.newest.closes]).toEqual([0, ["not resumed within 5000 ms"]]);
  });

  it("[LINK-8] asks the owner about a session it does not know: refused, it is final", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    await client.dialing.opened;
    grid.acceptor.close();
    grid.acceptor = grid.begin();
    grid.decide = ({ claim }) =>
      claim === undefined
        ? { type: "refuse", code: "AUTHENTICATION", message: "no" }
        : { type: "refuse", code: "UNKNOWN_SESSION", message: "this coordinator has no memory of it" };
    await passMs(1_000);
    expect(client.endings).toMatchObject([{ type: "refused", code: "UNKNOWN_SESSION" }]);
  });

  it("[LINK-8] restored by an owner that kept some of it, only the owner's stream begins again", async () => {
    const grid = new Grid();
    grid.decide = (request) => grid.keeping(request, 0);
    const client = aClient(grid);
    const { sessionId, resumeKey } = await client.dialing.opened;
    // 1. Two batches arrive, one of them is kept; what the owner says is heard.
    client.session.send("kept");
    await settle();
    grid.newest.session.send("to you");
    await settle();
    client.session.send("heard and not kept");
    await settle();
    grid.newest.session.keep(1);
    await passMs(500);
    expect(grid.newest.received).toEqual(["kept", "heard and not kept"]);
    // 2. The owner is gone with what it had not kept, and comes back with the rest.
    grid.acceptor.close();
    grid.acceptor = grid.begin();
    client.session.send("never sent before");
    grid.decide = (request) =>
      request.claim?.resumeKey === resumeKey && request.claim.sessionId === sessionId
        ? grid.keeping(request, 1)
        : { type: "refuse", code: "UNKNOWN_SESSION", message: "unknown" };
    await passMs(1_000);
    grid.newest.session.send("welcome back");
    client.session.send("and on");
    await settle();
    expect(grid.newest.received).toEqual(["heard and not kept", "never sent before", "and on"]);
    expect(client.received).toEqual(["to you", "welcome back"]);
    expect(client.welcomes.map(({ welcome }) => welcome.isRestored)).toEqual([false, true]);
    // 3. The session goes on under its old name and key.
    grid.newest.session.keep(4);
    grid.channels.at(-1)?.[0].break();
    await passMs(1_000);
    expect(grid.events.at(-1)).toMatchObject({ type: "link-resumed", sessionId });
    expect(grid.newest.received).toEqual(["heard and not kept", "never sent before", "and on"]);
  });

  it("[LINK-12] a resume says only what was kept, and the rest comes again without being taken twice", async () => {
    const grid = new Grid();
    grid.decide = (request) => grid.keeping(request, 0);
    const client = aClient(grid);
    await client.dialing.opened;
    for (const n of numbersTo(3)) {
      client.session.send(n);
      await settle();
    }
    grid.newest.session.keep(2);
    grid.channels.at(-1)?.[0].break();
    await passMs(1_000);
    expect(client.welcomes.at(-1)?.welcome).toMatchObject({ isResumed: true, received: 2 });
    client.session.send("next");
    await settle();
    expect(grid.newest.received).toEqual([...numbersTo(3), "next"]);
  });

  it("[LINK-9] refuses what is no hello, one that is too long or too deep, and a second one", async () => {
    const grid = new Grid();
    grid.decide = () => new Promise(() => {});
    const deep = new TextEncoder().encode(`\u0007${"[".repeat(200)}${"]".repeat(200)}`);
    const openings: (readonly Uint8Array[])[] = [
      [Uint8Array.of(5)],
      [new Uint8Array()],
      [Uint8Array.of(7, 1, 2, 3)],
      [new Uint8Array(70_000).fill(0x20).fill(7, 0, 1)],
      [deep],
      [encodeJson("hello", { resume: { sessionId: 5 } })],
      [encodeJson("hello", { hello: 1 }), encodeJson("hello", { hello: 2 })],
    ];
    for (const frames of openings) {
      const stranger = await grid.open();
      const atStranger = listenTo(stranger);
      for (const frame of frames) stranger.send(frame);
      await atStranger.close();
      expect(atStranger.received.map(decodeFrame)).toMatchObject([{ type: "refuse", body: { code: "PROTOCOL" } }]);
    }
    expect([grid.acceptor.size, grid.acceptor.pendingCount]).toEqual([0, 0]);
  });

  it("[LINK-9] closes a channel without a hello after 10 s", async () => {
    const grid = new Grid();
    const silent = listenTo(await grid.open());
    await passMs(9_900);
    expect(silent.closes).toEqual([]);
    await passMs(500);
    expect(silent.closes).toEqual(["no hello, or no decision on it, within 10000 ms"]);
  });

  it("[LINK-9] a session whose channel has gone before it was decided on is lost like any other", async () => {
    const grid = new Grid();
    let answer: (decision: HelloDecision) => void = () => {};
    grid.decide = () => new Promise((resolve) => (answer = resolve));
    const stranger = await grid.open();
    stranger.send(encodeJson("hello", { hello: 1 }));
    await settle();
    stranger.close();
    await settle();
    const late = aSession();
    answer({ type: "accept", session: late.session, retainMs: 1_000 });
    await settle();
    // Its owner may have made records for it: it hears of the loss, and of the end.
    expect([late.session.isClosed, grid.acceptor.size, grid.eventTypes()]).toEqual([false, 1, ["link-lost"]]);
    await passMs(1_500);
    expect([late.session.isClosed, grid.acceptor.size, grid.eventTypes()]).toEqual([
      true,
      0,
      ["link-lost", "retention-expired"],
    ]);
  });

  it("[LINK-10] notices a half-open link at both ends within 20 s, and resumes", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    await client.dialing.opened;
    await passMs(60_000);
    expect([grid.eventTypes(), client.session.link]).toEqual([[], "websocket"]);
    for (const end of grid.channels[0] ?? []) end.goSilent();
    const silentAt = performance.now();
    while (grid.events.length === 0) await passMs(250);
    expect(performance.now() - silentAt).toBeLessThanOrEqual(15_500);
    await passMs(20_000 - (performance.now() - silentAt));
    expect(grid.eventTypes()).toEqual(["link-lost", "link-resumed"]);
  });

  it("[LINK-10] the dialing end alone notices silence within 20 s", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    await client.dialing.opened;
    grid.channels[0]?.[1].goSilent();
    // The accepting end is stuck: it neither pings nor closes.
    if (grid.channels[0] !== undefined) grid.channels[0][0].tap = () => [Uint8Array.of(6)];
    await passMs(20_500);
    expect(grid.attempts).toHaveLength(2);
  });

  it("[LINK-10] pings idle sessions in turn, with one timer for all", async () => {
    const grid = new Grid();
    const clients = Array.from({ length: 40 }, () => aClient(grid));
    await Promise.all(clients.map((client) => client.dialing.opened));
    await passMs(20_000);
    const pings: number[] = [];
    for (const [, atGrid] of grid.channels) {
      atGrid.tap = (frame) => {
        if (decodeFrame(frame).type === "ping") pings.push(performance.now());
        return [frame];
      };
    }
    await passMs(10_000);
    const most = Math.max(...pings.map((at) => pings.filter((other) => other === at).length));
    expect(pings.length).toBeGreaterThanOrEqual(40);
    expect(most).toBeLessThanOrEqual(2);
    expect(grid.events).toEqual([]);
  });

  it("[LINK-11] closing the accepting end leaves no timer there; dialers come back to the next", async () => {
    const grid = new Grid();
    const client = aClient(grid);
    await client.dialing.opened;
    grid.acceptor.close();
    await settle();
    expect(grid.eventTypes()).toEqual(["session-closed"]);
    client.dialing.goodbye();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });
});

/** Lets time pass, with every microtask run after each timer. */
async function passMs(ms: number): Promise<void> {
  await settle();
  await vi.advanceTimersByTimeAsync(ms);
  await settle();
}
