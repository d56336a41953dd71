/** Tests that need dist/ begin here; it is also the global setup of every browser test. */
import { ensureBuilt as build } from "../../bin/ensure-built.js";

export function ensureBuilt(): void {
  build();
}

export default ensureBuilt;
