/** Small values put by the Node client and got back. */
import { median, perSecond } from "../statistics.ts";
import { check, type Measurement, repeat, repetitions } from "./measurement.ts";

const putGetRate = "put and get of 1,000 small values, Node client";
const count = 1_000;

export const putGet: Measurement = {
  name: "put-get",
  figures: [{ name: putGetRate, unit: "values/s", goals: [] }],
  async run({ lab }) {
    const { grid } = await lab();
    const round = async (): Promise<number> => {
      const values = Array.from({ length: count }, (_, n) => ({ n, name: `value ${n}` }));
      const begin = performance.now();
      const got = await grid.get(values.map((value) => grid.put(value)));
      const ms = performance.now() - begin;
      const isSame = ({ n, name }: { n: number; name: string }, at: number): boolean =>
        n === at && name === `value ${at}`;
      check(got.length === count && got.every(isSame), () => "some of the values differ from what was put");
      return perSecond(count, ms);
    };
    await round();
    const rates = await repeat(repetitions, round);
    return { [putGetRate]: { value: median(rates), samples: rates } };
  },
};
