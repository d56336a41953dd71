import { describe, expect, test } from "vitest";
import { limits } from "../../protocol/limits.ts";
import { Bulk, Refusal } from "../../worker-page/bulk.ts";

/** A Bulk whose requests are answered in turn, and what it asked. */
function aBulk(...answers: readonly (() => Response)[]) {
  const asked: { url: string; method: string; authorization: string; body: BodyInit | null }[] = [];
  const waited: number[] = [];
  const bulk = new Bulk({
    origin: "http://grid.example",
    fetch: async (url, init) => {
      const authorization = new Headers(init?.headers).get("authorization") ?? "";
      asked.push({ url: url as string, method: init?.method ?? "", authorization, body: init?.body ?? null });
      const answer = answers[asked.length - 1];
      if (answer === undefined) throw new TypeError("Failed to fetch");
      return answer();
    },
    wait: async (ms) => void waited.push(ms),
  });
  bulk.key = "k1";
  return { bulk, asked, waited };
}

const ok =
  (bytes: readonly number[] = []) =>
  (): Response =>
    new Response(new Uint8Array(bytes));
const status =
  (code: number, text = "") =>
  (): Response =>
    new Response(text, { status: code });

describe("large values", () => {
  test("[PAGE-7] are fetched with the session's key", async () => {
    const { bulk, asked } = aBulk(ok([1, 2]));
    expect([...(await bulk.download("ja.1:0"))]).toEqual([1, 2]);
    expect(asked).toMatchObject([
      { url: "http://grid.example/objects/ja.1%3A0", method: "GET", authorization: "Bearer k1" },
    ]);
  });

  test("[PAGE-7] are stored", async () => {
    const { bulk, asked } = aBulk(status(201));
    await bulk.upload("ja.1:0", new Uint8Array([1, 2, 3]).subarray(1));
    expect(asked[0]?.method).toBe("PUT");
    expect(asked[0]?.body).toMatchObject({ size: 2 });
  });

  test("[PAGE-7] are tried again while the coordinator is away", async () => {
    const { bulk, waited } = aBulk(
      () => {
        throw new TypeError("Failed to fetch");
      },
      status(503),
      ok([7]),
    );
    expect([...(await bulk.download("x"))]).toEqual([7]);
    expect(waited).toEqual([200, 1_000]);
  });

  test("[PAGE-7] fail after the last try with the last reason", async () => {
    const { bulk, asked } = aBulk(status(500), status(500), status(500), status(503, "busy"));
    await expect(bulk.download("x")).rejects.toThrow("503 busy");
    expect(asked).toHaveLength(4);
  });

  test("[PAGE-7] that are not there are not asked for again", async () => {
    const { bulk, asked } = aBulk(status(404, "it is not stored here"));
    await expect(bulk.download("x")).rejects.toThrow("404 it is not stored here");
    expect(asked).toHaveLength(1);
  });

  test("[PAGE-7] are tried again when the key is over: a restarted coordinator gives another", async () => {
    const { bulk, asked } = aBulk(
      status(401),
      () => {
        bulk.key = "k2";
        return new Response("", { status: 401 });
      },
      ok([3]),
    );
    expect([...(await bulk.download("x"))]).toEqual([3]);
    expect(asked.map(({ authorization }) => authorization)).toEqual(["Bearer k1", "Bearer k1", "Bearer k2"]);
  });

  test("[PAGE-7] that are refused are told from those that did not arrive", async () => {
    await expect(aBulk(status(403)).bulk.upload("x", new Uint8Array(1))).rejects.toBeInstanceOf(Refusal);
    await expect(aBulk().bulk.upload("x", new Uint8Array(1))).rejects.not.toBeInstanceOf(Refusal);
  });

  test("[PAGE-7] over the limit are not read", async () => {
    const { bulk } = aBulk(() => new Response("", { headers: { "content-length": String(limits.objectBytes + 1) } }));
    await expect(bulk.download("x")).rejects.toThrow("over the limit objectBytes");
  });
});
