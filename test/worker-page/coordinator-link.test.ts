import { afterEach, describe, expect, test, vi } from "vitest";
import { envelope } from "../../protocol/envelope.ts";
import {
  type ToWorkerMessage,
  toWorkerMessageSchema,
  type WorkerMessage,
  workerMessageSchema,
} from "../../protocol/messages.ts";
import { Acceptor, type HelloDecision, type HelloRequest } from "../../transport/accept.ts";
import type { Channel } from "../../transport/channel.ts";
import { memoryChannelPair, type MemoryChannel } from "../../transport/memory-channel.ts";
import { Session } from "../../transport/session.ts";
import { CoordinatorLink, type CoordinatorLinkOptions, type LinkState } from "../../worker-page/coordinator-link.ts";

/** A coordinator of one room: takes hellos, keeps what it hears, and can answer a data channel. */
class Desk {
  readonly heard: WorkerMessage[] = [];
  readonly hellos: HelloRequest[] = [];
  readonly channels: MemoryChannel[] = [];
  session: Session<WorkerMessage, ToWorkerMessage> | undefined;
  refusal: Extract<HelloDecision, { type: "refuse" }> | undefined;
  /** It has been restarted: who claims a session has it back. */
  isRestored = false;
  webrtc = false;
  #acceptor = this.#open();

  #open(): Acceptor {
    return new Acceptor({ onHello: (request) => this.#decide(request), onEvent: () => {} });
  }

  restart(): void {
    this.#acceptor.close("restarted");
    this.#acceptor = this.#open();
    this.isRestored = true;
  }

  open(): Promise<Channel> {
    const [near, far] = memoryChannelPair({ kind: "websocket" });
    this.channels.push(near);
    this.#acceptor.accept(far, "memory");
    return Promise.resolve(near);
  }

  close(): void {
    this.#acceptor.close("test over");
  }

  #decide(request: HelloRequest): HelloDecision {
    this.hellos.push(request);
    if (this.refusal !== undefined) return this.refusal;
    const session = new Session<WorkerMessage, ToWorkerMessage>({
      codec: envelope(workerMessageSchema, toWorkerMessageSchema, () => {}),
      onMessages: (batch) => this.heard.push(...batch),
      onLink: () => {},
      onRefused: () => {},
      schedule: queueMicrotask,
    });
    this.session = session;
    const welcome = {
      workerId: `w${this.hellos.length}`,
      homeKey: "h",
      httpKey: "k",
      iceServers: [],
      webrtc: this.webrtc,
    };
    const claim = this.isRestored ? request.claim : undefined;
    return { type: "accept", session, retainMs: 60_000, welcome, ...(claim && { restored: claim }) };
  }
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
  vi.useRealTimers();
});

function aLink(desk: Desk, more: Partial<CoordinatorLinkOptions> = {}) {
  const states: LinkState[] = [];
  const welcomes: { workerId: string; link: string }[] = [];
  const told: ToWorkerMessage[] = [];
  const link = new CoordinatorLink({
    openChannel: () => desk.open(),
    dialWebRtc: undefined,
    hello: () => ({ role: "worker" }),
    onWelcome: ({ workerId, link }) => void welcomes.push({ workerId, link }),
    onReplaced: () => {},
    onMessages: (messages) => void told.push(...messages),
    onState: (state) => void states.push(state),
    onRefused: () => {},
    ...more,
  });
  closing.push(
    () => link.goodbye("test over"),
    () => desk.close(),
  );
  return { link, states, welcomes, told };
}

const linked = { type: "linked", kind: "websocket", upgrade: "off" };

describe("the line to the coordinator", () => {
  test("[PAGE-8] opens a session, says hello and carries messages both ways", async () => {
    const desk = new Desk();
    const { link, welcomes, told } = aLink(desk);
    await vi.waitFor(() => expect(link.state).toEqual(linked));
    expect(welcomes).toEqual([{ workerId: "w1", link: "new" }]);
    expect(desk.hellos[0]?.hello).toEqual({ role: "worker" });
    link.send({ type: "capacity", threads: 2 });
    desk.session?.send({ type: "forget-job", jobId: "ja" as never });
    await vi.waitFor(() =>
      expect([desk.heard, told]).toMatchObject([[{ type: "capacity" }], [{ type: "forget-job" }]]),
    );
  });

  test("[PAGE-8] a line that breaks is taken up again in the same session, and nothing is lost", async () => {
    const desk = new Desk();
    const { link, welcomes } = aLink(desk);
    await vi.waitFor(() => expect(link.state).toEqual(linked));
    desk.channels[0]?.break();
    link.send({ type: "capacity", threads: 3 });
    await vi.waitFor(() => expect(welcomes.at(-1)).toEqual({ workerId: "w1", link: "resumed" }));
    await vi.waitFor(() => expect(desk.heard).toEqual([{ type: "capacity", threads: 3 }]));
  });

  test("[PAGE-8] a data channel that opens takes over", async () => {
    const desk = new Desk();
    desk.webrtc = true;
    const { link } = aLink(desk, {
      dialWebRtc: ({ signal }) => {
        signal({ type: "offer", sdp: "v=0" });
        const [near, far] = memoryChannelPair({ kind: "webrtc" });
        desk.session?.attach(far);
        return { signal: () => {}, opened: Promise.resolve(near), close: () => {} };
      },
    });
    await vi.waitFor(() => expect(link.state).toMatchObject({ type: "linked", kind: "webrtc" }));
    await vi.waitFor(() => expect(desk.heard).toMatchObject([{ type: "signal" }]));
  });

  test("[PAGE-8] a data channel that does not open changes nothing but what is shown", async () => {
    const desk = new Desk();
    desk.webrtc = true;
    const { link, states } = aLink(desk, {
      dialWebRtc: () => ({ signal: () => {}, opened: Promise.reject(new Error("no way")), close: () => {} }),
    });
    await vi.waitFor(() => expect(link.state).toEqual({ ...linked, upgrade: "blocked" }));
    expect(states).toContainEqual({ ...linked, upgrade: "opening" });
    link.send({ type: "capacity", threads: 1 });
    await vi.waitFor(() => expect(desk.heard).toContainEqual({ type: "capacity", threads: 1 }));
  });

  test("[PAGE-8] a refused session is shown, and a fresh one tried by itself", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const desk = new Desk();
    desk.refusal = { type: "refuse", code: "AUTHENTICATION", message: "no token was given" };
    const { link, states } = aLink(desk);
    await vi.advanceTimersByTimeAsync(100);
    expect(states.at(-1)).toEqual({ type: "refused", message: "no token was given", isOutdated: false });
    desk.refusal = undefined;
    await vi.advanceTimersByTimeAsync(15_100);
    expect(link.state).toEqual(linked);
  });

  test("[PAGE-8] another version is told from other refusals", async () => {
    const desk = new Desk();
    desk.refusal = { type: "refuse", code: "PROTOCOL", message: "it speaks version 1 and this coordinator 2" };
    const { states } = aLink(desk);
    await vi.waitFor(() => expect(states.at(-1)).toMatchObject({ type: "refused", isOutdated: true }));
  });

  test("[PAGE-16] a coordinator that was restarted has the session back, and what was said is said again", async () => {
    const desk = new Desk();
    const { link, welcomes } = aLink(desk);
    await vi.waitFor(() => expect(link.state).toEqual(linked));
    desk.restart();
    link.send({ type: "capacity", threads: 5 });
    await vi.waitFor(() => expect(welcomes.at(-1)).toEqual({ workerId: "w2", link: "restored" }));
    await vi.waitFor(() => expect(desk.heard).toEqual([{ type: "capacity", threads: 5 }]));
  });

  test("[PAGE-17] who was replaced by another page comes back after a moment, as somebody new", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const desk = new Desk();
    let home: object = { home: "w1" };
    const replaced = vi.fn(() => {
      home = {};
    });
    const { link, states, welcomes } = aLink(desk, {
      hello: () => ({ role: "worker", ...home }),
      onReplaced: replaced,
    });
    await vi.advanceTimersByTimeAsync(100);
    desk.session?.refuse("REPLACED", "another page is this worker");
    await vi.advanceTimersByTimeAsync(100);
    expect(replaced).toHaveBeenCalledOnce();
    expect(states.at(-1)).toEqual({ type: "connecting" });
    expect(desk.hellos).toHaveLength(1);
    // What the old worker still says reaches nobody.
    link.send({ type: "capacity", threads: 9 });
    await vi.advanceTimersByTimeAsync(3_000);
    link.send({ type: "capacity", threads: 1 });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(desk.hellos.at(-1)?.hello).toEqual({ role: "worker" });
    expect(welcomes.at(-1)).toEqual({ workerId: "w2", link: "new" });
    expect(desk.heard).not.toContainEqual({ type: "capacity", threads: 9 });
  });

  test("[PAGE-8] goodbye is final", async () => {
    const desk = new Desk();
    const { link } = aLink(desk);
    await vi.waitFor(() => expect(link.state).toEqual(linked));
    link.goodbye("done");
    expect(link.state).toEqual({ type: "ended" });
    await vi.waitFor(() => expect(desk.session?.isClosed).toBe(true));
    expect(desk.hellos).toHaveLength(1);
  });
});
