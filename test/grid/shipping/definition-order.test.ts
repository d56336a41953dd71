import fc from "fast-check";
import { expect, test } from "vitest";
import { orderDefinitions } from "../../../grid/shipping/definition-order.ts";
import type { OrderedDefinition } from "../../../grid/shipping/definition-order.ts";

/** Classes that extend earlier ones only, in any order of first use, whose methods and static functions use anything. */
const program = fc
  .array(
    fc.record({
      bases: fc.array(fc.nat(), { maxLength: 2 }),
      maybe: fc.array(fc.nat(), { maxLength: 3 }),
      later: fc.array(fc.nat(), { maxLength: 3 }),
      isInert: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  )
  .chain((parts) => {
    const nameOf = (index: number) => `d${index % parts.length}`;
    const definitions = parts.map((part, index): OrderedDefinition => {
      const usesNow = part.isInert || index === 0 ? [] : part.bases.map((base) => `d${base % index}`);
      const usesMaybe = part.isInert ? [] : part.maybe.map(nameOf);
      return {
        name: `d${index}`,
        isInert: part.isInert,
        usesNow,
        usesMaybe,
        uses: [...usesNow, ...usesMaybe, ...part.later.map(nameOf)],
      };
    });
    return fc.shuffledSubarray(definitions, { minLength: definitions.length });
  });

test("[SHIP-12] whatever the program, each class comes after what it surely needs, and nothing is lost", () => {
  fc.assert(
    fc.property(program, (definitions) => {
      const order = orderDefinitions(definitions);
      expect(new Set(order)).toEqual(new Set(definitions));
      order.forEach((definition, index) => {
        for (const needed of definition.usesNow)
          expect(order.findIndex(({ name }) => name === needed)).toBeLessThan(index);
      });
    }),
  );
});
