/** Everything a hostile task would try: for threads alone, and for the whole grid. */
import type { Attack } from "./attacks/attack.ts";
import { browserAttacks } from "./attacks/browser.ts";
import { networkAttacks } from "./attacks/network.ts";
import { runtimeAttacks } from "./attacks/runtime.ts";

export type { Attack, Target } from "./attacks/attack.ts";

export const attacks: readonly Attack[] = [...networkAttacks, ...browserAttacks, ...runtimeAttacks];
