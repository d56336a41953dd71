import { describe, expect, test } from "vitest";
import { limits } from "../../../protocol/limits.ts";
import { submitterMessageSchema } from "../../../protocol/messages.ts";
import { failureSchema } from "../../../protocol/nouns.ts";
import { Writer } from "../../../protocol/schema.ts";
import { readReports } from "../../../worker-page/machine/report-door.ts";
import { attempt, bytesOf, done } from "./builders.ts";

const id = attempt(1);

describe("the door for reports", () => {
  test("[WORKER-25] honest reports pass unchanged", () => {
    const reports = [
      done(id, 1, 2),
      {
        type: "failed",
        attemptId: id,
        failure: { code: "TASK_ERROR", message: "no", errorName: "RangeError" },
        ranMs: 2,
      },
      { type: "produced", attemptId: id, index: 3, value: { bytes: bytesOf(1), refs: ["ja.2:0"] } },
      { type: "began", attemptId: id },
      { type: "blocked", attemptId: id },
      { type: "unblocked", attemptId: id },
      {
        type: "relay",
        attemptId: id,
        message: { type: "put", id: "ja.1.1:0", value: { type: "inline", bytes: bytesOf(2), refs: [] } },
      },
      { type: "progress", attemptId: id, fraction: 0.5, note: "half" },
      { type: "log", lines: [{ attemptId: id, level: "warn", text: "hm" }] },
      { type: "actor-started", actorId: "ja.3", epoch: 1 },
      { type: "actor-ended", actorId: "ja.3", epoch: 1 },
      { type: "saved", actorId: "ja.3", epoch: 1, number: 2, state: { bytes: bytesOf(3), refs: ["ja.2:0"] } },
      { type: "retired", actorId: "ja.3", epoch: 1, returned: [id] },
      { type: "closed" },
    ];
    expect(readReports(reports)).toEqual({ reports, refused: [], broken: undefined });
  });

  test.each([
    ["no list", "done"],
    ["no record", [7]],
    ["no type", [{ attemptId: id }]],
    ["an unknown type", [{ type: "boom" }]],
    ["an id that is no text", [{ ...done(id), attemptId: 7 }]],
    ["an id that is too long", [{ ...done(id), attemptId: "j".repeat(limits.idLength + 1) }]],
    ["an id that takes more bytes than characters", [{ ...done(id), attemptId: "ä".repeat(400) }]],
    ["values that are no list", [{ ...done(id), values: 1 }]],
    ["a value without bytes", [{ ...done(id), values: [{ bytes: [1], refs: [] }] }]],
    ["refs that are no ids", [{ ...done(id), values: [{ bytes: bytesOf(1), refs: [{}] }] }]],
    ["a duration that is not finite", [{ ...done(id), ranMs: Number.POSITIVE_INFINITY }]],
    ["an unknown code", [{ type: "failed", attemptId: id, failure: { code: "OOPS", message: "" }, ranMs: 1 }]],
    ["an index below zero", [{ type: "produced", attemptId: id, index: -1, value: { bytes: bytesOf(1), refs: [] } }]],
    ["a state without bytes", [{ type: "saved", actorId: "ja.3", epoch: 1, number: 1, state: { refs: [] } }]],
    ["a number of a state that is none", [{ type: "saved", actorId: "ja.3", epoch: 1, number: 1.5, state: {} }]],
    ["calls given back that are no list", [{ type: "retired", actorId: "ja.3", epoch: 1, returned: "ja.4#1" }]],
    ["an unknown level", [{ type: "log", lines: [{ attemptId: id, level: "loud", text: "" }] }]],
  ])("[WORKER-25] %s is broken, and what came before it stands", (_, said) => {
    const { reports, broken } = readReports(Array.isArray(said) ? [done(id), ...said] : said);
    expect(broken).toMatch(/^Cannot take report/);
    expect(reports).toEqual(Array.isArray(said) ? [done(id)] : []);
  });

  test.each([
    ["of no known type", { type: "shout" }],
    ["with a field missing", { type: "put", id: "ja.1.1:0" }],
    [
      "that makes another's child",
      { type: "put", id: "ja.2.1:0", value: { type: "inline", bytes: bytesOf(1), refs: [] } },
    ],
    [
      "that makes a grandchild",
      { type: "put", id: "ja.1.1.1:0", value: { type: "inline", bytes: bytesOf(1), refs: [] } },
    ],
    [
      "over the limit",
      { type: "put", id: "ja.1.1:0", value: { type: "inline", bytes: bytesOf(limits.messageBytes), refs: [] } },
    ],
    ["with too long a name", { type: "find-actor", request: 1, name: "x".repeat(1_000), namespace: "default" }],
  ])("[WORKER-25] a relayed message %s is refused alone", (_, message) => {
    const { reports, refused, broken } = readReports([{ type: "relay", attemptId: id, message }, done(id)]);
    expect(reports).toEqual([done(id)]);
    expect(refused).toMatchObject([{ attemptId: id }]);
    expect(broken).toBeUndefined();
  });

  test("[WORKER-25] what is only too long is cut to what the wire takes", () => {
    const because = { code: "TASK_ERROR", message: "ö".repeat(100_000), error: bytesOf(2_000_000) };
    const failure = { ...because, taskName: "n".repeat(500), because };
    const [report] = readReports([{ type: "failed", attemptId: id, failure, ranMs: 1 }]).reports;
    if (report?.type !== "failed") throw new Error("not read");
    const out = new Writer(1_024);
    failureSchema.write(report.failure, out);
    expect(out.at).toBeLessThan(3 * limits.inlineValueBytes);
    expect(report.failure).not.toHaveProperty("error");
  });

  test("[WORKER-25] a chain of causes is cut where it gets deep", () => {
    let failure: object = { code: "TASK_ERROR", message: "first" };
    for (let i = 0; i < 1_000; i++) failure = { code: "TASK_ERROR", message: "next", because: failure };
    expect(readReports([{ type: "failed", attemptId: id, failure, ranMs: 1 }]).broken).toBeUndefined();
  });

  test("[WORKER-25] what passes can be written by the wire's own schema", () => {
    const message = { type: "define", functionId: "f1", bytes: bytesOf(10) };
    const [report] = readReports([{ type: "relay", attemptId: id, message }]).reports;
    if (report?.type !== "relay") throw new Error("not read");
    expect(() => submitterMessageSchema.write(report.message, new Writer(64))).not.toThrow();
  });
});
