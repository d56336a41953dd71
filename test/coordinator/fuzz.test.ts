import { describe, expect, it, vi } from "vitest";
import { childId, returnId } from "../../protocol/ids.ts";
import { encodeJson, frameKinds, wholeHeaderBytes } from "../../transport/frame.ts";
import { aSpec, aSubmission } from "../simulation/builders.ts";
import { random } from "../simulation/random.ts";
import { clientHello, echo, InProcessGrid, workerHello } from "./in-process-grid.ts";

describe("a hostile peer", () => {
  it(
    "[DOOR-1] sends 100,000 mutated frames, as a client and as a worker, and harms nobody",
    { timeout: 60_000 },
    async () => {
      const grid = new InProcessGrid();
      const chance = random(42);
      const recorded = await recordFrames(grid);
      expect(recorded.length).toBeGreaterThan(5);
      const taken = vi.spyOn(grid.coordinator, "take");

      let sent = 0;
      while (sent < 100_000) {
        const channel = grid.open();
        let isOpen = true;
        channel.handlers = { onFrame: () => {}, onClose: () => (isOpen = false), onDrain: () => {} };
        channel.send(encodeJson("hello", { hello: sent % 2 === 0 ? clientHello : workerHello }));
        await settled();
        let sequence = 0;
        for (let i = 0; i < 500 && isOpen; i++) {
          const frame = mutated(chance, recorded);
          // Most batches come in their turn, so that they are not dropped as repeats before anybody reads them.
          if (frame.length > wholeHeaderBytes && chance.chance(0.8)) {
            frame[0] = frameKinds.whole;
            new DataView(frame.buffer, frame.byteOffset).setUint32(1, ++sequence);
            new DataView(frame.buffer, frame.byteOffset).setUint32(5, 0);
          }
          channel.send(frame);
          sent++;
          if (i % 50 === 49) await settled();
        }
        channel.close();
        await settled();
      }

      // Many of them got as far as the scheduler.
      expect(taken.mock.calls.length).toBeGreaterThan(1_000);
      taken.mockRestore();

      // An honest client and worker find everything in order.
      const values = new Map<string, number>();
      let done = (): void => {};
      const all = new Promise<void>((resolve) => (done = resolve));
      const client = await grid.client((message) => {
        if (message.type !== "ready") return;
        for (const object of message.objects)
          if (object.type === "value" && object.value.type === "inline")
            values.set(object.id, object.value.bytes[0] ?? -1);
        if (values.size === 100) done();
      });
      await grid.worker(echo);
      const tasks = Array.from({ length: 100 }, (_, i) =>
        aSubmission(childId(client.jobId, i + 1), { args: new Uint8Array([i]) }),
      );
      client.send({ type: "submit", spec: aSpec(), tasks });
      client.send({ type: "want", ids: tasks.map(({ id }) => returnId(id, 0)), values: true });
      await all;
      expect(tasks.map(({ id }) => values.get(returnId(id, 0)))).toEqual(Array.from({ length: 100 }, (_, i) => i));
      expect(grid.troubles).toEqual([]);
      grid.close();
    },
  );

  it("[DOOR-2] who keeps sending what is refused is shown out with a reason", async () => {
    const grid = new InProcessGrid();
    const channel = grid.open();
    const frames: Uint8Array[] = [];
    const closed = new Promise<string>((resolve) => {
      channel.handlers = { onFrame: (frame) => frames.push(frame), onClose: resolve, onDrain: () => {} };
    });
    channel.send(encodeJson("hello", { hello: clientHello }));
    await settled();
    for (let i = 0; i < 40; i++) channel.send(Uint8Array.from([250, 1, 2, 3]));
    expect(await closed).toContain("more than 16 messages were refused");
    grid.close();
  });

  it.each([
    ["nothing", undefined],
    ["another version", { ...clientHello, version: 999 }],
    ["a role that does not exist", { ...clientHello, role: "king" }],
    ["a name that is too long", { ...workerHello, name: "x".repeat(1_000) }],
    [
      "labels without end",
      { ...workerHello, labels: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`k${i}`, "v"])) },
    ],
    ["threads below none", { ...workerHello, threads: -1 }],
  ])("[DOOR-3] a hello with %s is refused and says why", async (_, hello) => {
    const grid = new InProcessGrid();
    const channel = grid.open();
    const answer = new Promise<string>((resolve) => {
      channel.handlers = {
        onFrame: (frame) => resolve(new TextDecoder().decode(frame)),
        onClose: () => {},
        onDrain: () => {},
      };
    });
    channel.send(encodeJson("hello", { hello }));
    expect(await answer).toContain("Cannot open session");
    grid.close();
  });
});

/** One turn of the loop: what was sent has been taken. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What an honest client and worker send, to mutate. */
async function recordFrames(grid: InProcessGrid): Promise<Uint8Array[]> {
  const frames: Uint8Array[] = [];
  const open = grid.open.bind(grid);
  grid.open = () => {
    const channel = open();
    const send = channel.send.bind(channel);
    channel.send = (frame) => {
      frames.push(frame.slice());
      send(frame);
    };
    return channel;
  };
  let answered = (): void => {};
  const all = new Promise<void>((resolve) => (answered = resolve));
  const client = await grid.client((message) => {
    if (message.type === "ready") answered();
  });
  const worker = await grid.worker(echo);
  const id = childId(client.jobId, 1);
  client.send({ type: "submit", spec: aSpec(), tasks: [aSubmission(id)] });
  client.send({ type: "want", ids: [returnId(id, 0)], values: true });
  client.send({ type: "query", request: 1, what: "tasks", parameters: "{}" });
  await all;
  client.dialing.goodbye();
  worker.dialing.goodbye();
  await settled();
  grid.open = open;
  return frames;
}

function mutated(chance: ReturnType<typeof random>, frames: readonly Uint8Array[]): Uint8Array {
  const frame = (chance.pick(frames) ?? new Uint8Array(1)).slice();
  const changes = chance.below(5);
  for (let i = 0; i < changes; i++) frame[chance.below(frame.length)] = chance.below(256);
  return chance.chance(0.2) ? frame.subarray(0, 1 + chance.below(frame.length)) : frame;
}
