/**
 * The thread's calls to its shell, which has exposed a ThreadShell through comlink. This end speaks comlink's wire form
 * itself, because comlink.wrap cannot be trusted beside user code: it draws the ids of calls from Math.random, so a
 * task that seeds Math.random loses numbers to us and one that makes it constant loses answers; it hands the port to
 * WeakMap.prototype.get at every call, where patched code would find it; and it closes the port when the garbage
 * collector takes a proxy (#692).
 *
 * THREAD-5: replacing Math.random neither disturbs the thread's calls nor shows them.
 */
import type { SealedPort } from "./sealed-port.ts";
import type { ThreadReport, ThreadShell } from "./thread-api.ts";

interface Call {
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/** Its promises reject with whatever the shell's method threw; of an Error comlink sends name, message and stack. */
export function shellCalls(port: SealedPort): ThreadShell {
  const calls: Record<string, Call | undefined> = Object.create(null);
  let lastId = 0;

  port.listen((data) => {
    const reply = readReply(data);
    const call = reply === undefined ? undefined : calls[reply.id];
    if (reply === undefined || call === undefined) return;
    delete calls[reply.id];
    if (reply.type === "thrown") call.reject(reply.value);
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
      calls[send(method, args, [])] = { resolve, reject };
    });
  }

  return {
    report(reports) {
      // Its answer says nothing, so nobody waits for it.
      send("report", [reports], buffersOf(reports));
    },
    async upload(attemptId, id, bytes) {
      await ask("upload", [attemptId, id, tight(bytes)]);
    },
    async download(attemptId, id) {
      const bytes = await ask("download", [attemptId, id]);
      if (!(bytes instanceof Uint8Array)) throw new TypeError(`Cannot download "${id}": the shell answered no bytes`);
      return bytes;
    },
  };
}

/** Below this a copy is cheaper than moving the buffer. */
const worthMovingBytes = 64 * 1024;

/** Encoded values are the runtime's own bytes, never the user's arrays, so they may move. */
function buffersOf(reports: readonly ThreadReport[]): readonly Transferable[] {
  const buffers: Transferable[] = [];
  for (let i = 0; i < reports.length; i++) {
    const report = reports[i];
    if (report?.type === "produced") collect(report.value.bytes, buffers);
    if (report?.type === "saved") collect(report.state.bytes, buffers);
    if (report?.type !== "done") continue;
    for (let k = 0; k < report.values.length; k++) collect(report.values[k]?.bytes, buffers);
  }
  return buffers;
}

function collect(bytes: Uint8Array | undefined, into: Transferable[]): void {
  if (bytes === undefined || bytes.byteLength < worthMovingBytes) return;
  const { buffer } = bytes;
  if (bytes.byteLength !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return;
  for (let i = 0; i < into.length; i++) if (into[i] === buffer) return;
  into[into.length] = buffer;
}

/** A view would be cloned together with the whole buffer behind it. */
export function tight(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

type Reply = { readonly type: "answered" | "thrown"; readonly id: string; readonly value: unknown };

function readReply(data: unknown): Reply | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { id, type, name, value } = data as Readonly<Record<string, unknown>>;
  if (typeof id !== "string") return undefined;
  if (type === "RAW") return { type: "answered", id, value };
  if (type !== "HANDLER" || name !== "throw") return undefined;
  const thrown = value as { readonly isError: boolean; readonly value: unknown };
  return { type: "thrown", id, value: thrown.isError ? rebuilt(thrown.value) : thrown.value };
}

function rebuilt(error: unknown): Error {
  const { name, message, stack } = error as Readonly<Record<string, unknown>>;
  return Object.assign(new Error(String(message)), { name: String(name), stack: String(stack) });
}
