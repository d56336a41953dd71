/**
 * Puts definitions in an order that evaluates: all of them share one function scope, where functions may use one another
 * freely, but making a class runs code (`extends`, static fields) that needs its classes made before.
 */

export interface OrderedDefinition {
  readonly name: string;
  /** Making it evaluates nothing: a function. */
  readonly isInert: boolean;
  /** Names used while it is made. */
  readonly usesNow: readonly string[];
  /** Names used in functions made meanwhile, which may be called then. */
  readonly usesMaybe: readonly string[];
  /** Every name used, ever. */
  readonly uses: readonly string[];
}

export function orderDefinitions<D extends OrderedDefinition>(definitions: readonly D[]): D[] {
  const inert = definitions.filter((definition) => definition.isInert);
  const active = definitions.filter((definition) => !definition.isInert);
  if (active.length < 2) return [...inert, ...active];

  const byName = new Map(definitions.map((definition) => [definition.name, definition]));
  const certain = new Map(active.map((definition) => [definition, reach(definition, byName, (one) => one.usesNow)]));
  const ordered: D[] = [];
  const begun = new Set<D>();
  const unfinished = new Set<D>();
  const place = (definition: D): void => {
    if (begun.has(definition)) return;
    begun.add(definition);
    unfinished.add(definition);
    for (const before of certain.get(definition) ?? []) if (!before.isInert) place(before);
    // What may be called meanwhile comes first too, unless it surely needs one that waits for this one.
    const callable = reach(definition, byName, (one) =>
      one === definition ? [...one.usesNow, ...one.usesMaybe] : one.uses,
    );
    for (const before of callable) if (!before.isInert && !needsAny(certain.get(before), unfinished)) place(before);
    unfinished.delete(definition);
    ordered.push(definition);
  };
  for (const definition of active) place(definition);
  return [...inert, ...ordered];
}

function needsAny<D>(needs: ReadonlySet<D> | undefined, among: ReadonlySet<D>): boolean {
  for (const one of among) if (needs?.has(one) === true) return true;
  return false;
}

function reach<D extends OrderedDefinition>(
  from: D,
  byName: ReadonlyMap<string, D>,
  usesOf: (definition: D) => readonly string[],
): Set<D> {
  const reached = new Set<D>();
  const pending: D[] = [from];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const name of usesOf(next)) {
      const used = byName.get(name);
      if (used === undefined || used === from || reached.has(used)) continue;
      reached.add(used);
      pending.push(used);
    }
  }
  return reached;
}
