import { describe, expect, test } from "vitest";
import { median, percentile, perSecond, ratio } from "../../bench/statistics.ts";

describe("statistics", () => {
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i);

  test("a percentile is the nearest rank, whatever the order", () => {
    expect([0, 0.01, 0.5, 0.99, 1].map((share) => percentile(hundred, share))).toEqual([1, 1, 50, 99, 100]);
    expect(percentile([7], 0.99)).toBe(7);
    expect(percentile([1, 2, 3], 0.5)).toBe(2);
  });

  test("neither a percentile nor a median changes the samples", () => {
    const samples = [3, 1, 2];
    percentile(samples, 0.5);
    median(samples);
    expect(samples).toEqual([3, 1, 2]);
  });

  test("sorts by size, not as text", () => {
    expect(percentile([9, 10, 100], 1)).toBe(100);
    expect(median([10, 9, 100])).toBe(10);
  });

  test("the median of an even number is the mean of the middle two", () => {
    expect(median([4, 1])).toBe(2.5);
    expect(median([5, 1, 3])).toBe(3);
  });

  test("no samples, no answer", () => {
    expect(() => median([])).toThrow(RangeError);
    expect(() => percentile([], 0.5)).toThrow(RangeError);
    expect(() => percentile([1], 50)).toThrow(RangeError);
  });

  test("a rate needs time to have passed", () => {
    expect(perSecond(20_000, 500)).toBe(40_000);
    expect(() => perSecond(1, 0)).toThrow(RangeError);
  });

  test("a ratio needs something to compare with", () => {
    expect(ratio(40, 100)).toBe(0.4);
    expect(ratio(40, undefined)).toBeUndefined();
    expect(ratio(40, 0)).toBeUndefined();
  });
});
