/** What is made of samples: medians, percentiles, rates. Knows nothing about what was measured. */

/** Nearest rank: the smallest sample that at least `share` (0 to 1) of all samples do not exceed. */
export function percentile(samples: readonly number[], share: number): number {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`Cannot take percentile ${share}: it must be 0 to 1`);
  const sorted = samples.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (value === undefined) throw new RangeError("Cannot take a percentile of no samples");
  return value;
}

/** The middle one; of an even number of samples the mean of the two in the middle. */
export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new RangeError("Cannot take the median of no samples");
  return (lower + upper) / 2;
}

/** How many a second, when `count` took `ms`. */
export function perSecond(count: number, ms: number): number {
  if (!(ms > 0)) throw new RangeError(`Cannot give a rate: ${count} in ${ms} ms`);
  return (count * 1_000) / ms;
}

/** Undefined where there is nothing to compare with. */
export function ratio(value: number, reference: number | undefined): number | undefined {
  return reference === undefined || !(reference > 0) ? undefined : value / reference;
}
