/** How many bytes one no-op task is on its way to a thread and back: the raw pipe carries as many. */
import { attemptId, childId, functionId, jobId } from "../../protocol/ids.ts";
import { type Outcome, toWorkerMessageSchema, workerMessageSchema } from "../../protocol/messages.ts";
import { encodeValue, joinSegments } from "../../protocol/payload.ts";
import { type Schema, Writer } from "../../protocol/schema.ts";

const batch = 64;

/** The mean of its assignment and its outcome, each in a batch, so that an echo of this length carries their sum. */
export function noOpBytes(): number {
  const job = jobId(new Uint8Array(10));
  const tasks = Array.from({ length: batch }, (_, i) => ({
    n: 10_000 + i,
    id: attemptId(childId(job, 10_000 + i), 1),
  }));
  const assigned = sizeOf(toWorkerMessageSchema, {
    type: "assign",
    work: { jobId: job, namespace: "default", name: "noop", kind: "value", returns: 1 },
    functionId: functionId("0".repeat(40)),
    demand: { cpus: 1, gpus: 0, memoryBytes: 0, custom: {} },
    quick: true,
    tasks: tasks.map(({ n, id }) => ({ attemptId: id, args: encode([n]), inputs: [] })),
  });
  const items = tasks.map(({ n, id }): Outcome => {
    return { type: "done", attemptId: id, values: [{ type: "inline", bytes: encode(n), refs: [] }], ranMs: 0.01 };
  });
  const ended = sizeOf(workerMessageSchema, { type: "outcomes", items });
  return Math.ceil((assigned + ended) / (2 * batch));
}

function encode(value: unknown): Uint8Array {
  return joinSegments(encodeValue(value));
}

function sizeOf<T>(schema: Schema<T>, message: T): number {
  const out = new Writer(1024);
  schema.write(message, out);
  return out.at;
}
