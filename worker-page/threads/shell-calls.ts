/**
 * The thread's calls to its shell, which has exposed a ThreadShell through comlink. This end speaks comlink's wire form
 * itself, because comlink.wrap cannot be trusted beside user code: it draws the ids of calls from Math.random, so a
 * task that seeds Math.random loses its numbers to us and one that makes it constant loses answers; it hands the port
 * to WeakMap.prototype.get at every call, where patched code would find it; and it closes the port when the garbage
 * collector takes a proxy (#692).
 */
import type { AttemptId, ObjectId } from "../../protocol/ids.ts";
import type { SealedPort } from "./sealed-port.ts";
import type { ThreadReport, ThreadShell } from "./thread-api.ts";

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Its promises reject with whatever the shell's method threw: of an Error comlink sends name, message and stack. */
export function shellCalls(port: SealedPort): ThreadShell {
  const calls = new Map<string, Call>();
  let lastId = 0;

  port.listen((data) => {
    const reply = readReply(data);
    const call = reply === undefined ? undefined : calls.get(reply.id);
    if (reply === undefined || call === undefined) return;
    calls.delete(reply.id);
    if (reply.thrown) call.reject(reply.value);
    else call.resolve(reply.value);
  });

  function send(method: keyof ThreadShell, args: readonly unknown[], transfer: readonly Transferable[]): string {
    const id = `${++lastId}`;
    const argumentList: unknown[] = [];
    for (let i = 0; i < args.length; i++) argumentList[i] = { type: "RAW", value: args[i] };
    port.post({ id, type: "APPLY", path: [method], argumentList }, transfer);
    return id;
  }

  function ask(method: keyof ThreadShell, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      calls.set(send(method, args, []), { resolve, reject });
    });
  }

  return {
    report(reports) {
      // Its answer says nothing, so nobody waits for it.
      send("report", [reports], transferable(reports));
    },
    async upload(attemptId: AttemptId, id: string, bytes: Uint8Array) {
      await ask("upload", [attemptId, id, tight(bytes)]);
    },
    async download(attemptId: AttemptId, id: ObjectId) {
      const bytes = await ask("download", [attemptId, id]);
      if (!(bytes instanceof Uint8Array)) throw new TypeError(`Cannot download "${id}": the shell answered no bytes`);
      return bytes;
    },
  };
}

/** Below this a copy is cheaper than moving the buffer. */
const worthMovingBytes = 64 * 1024;

function transferable(reports: readonly ThreadReport[]): readonly Transferable[] {
  const buffers: Transferable[] = [];
  for (const report of reports) {
    if (report.type === "done") for (const value of report.values) collect(value.bytes, buffers);
    else if (report.type === "produced") collect(report.value.bytes, buffers);
  }
  return buffers;
}

/** Encoded values are the runtime's own bytes, never the user's arrays, so they may move. */
function collect(bytes: Uint8Array, into: Transferable[]): void {
  if (bytes.byteLength < worthMovingBytes || bytes.byteLength !== bytes.buffer.byteLength) return;
  if (bytes.buffer instanceof ArrayBuffer && !into.includes(bytes.buffer)) into[into.length] = bytes.buffer;
}

/** A view would be cloned together with the whole buffer behind it. */
export function tight(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : bytes.slice();
}

interface Reply {
  readonly id: string;
  readonly thrown: boolean;
  readonly value: unknown;
}

function readReply(data: unknown): Reply | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { id, type, name, value } = data as Readonly<Record<string, unknown>>;
  if (typeof id !== "string") return undefined;
  if (type === "RAW") return { id, thrown: false, value };
  if (type !== "HANDLER" || name !== "throw" || typeof value !== "object" || value === null) return undefined;
  const thrown = value as { readonly isError?: unknown; readonly value?: unknown };
  return { id, thrown: true, value: thrown.isError === true ? rebuilt(thrown.value) : thrown.value };
}

function rebuilt(error: unknown): Error {
  const { name, message, stack } = error as Readonly<Record<string, unknown>>;
  return Object.assign(new Error(String(message)), { name: String(name), stack: String(stack) });
}
