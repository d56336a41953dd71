/** Builds dist/ if `root` is a checkout whose sources are newer; throws if they do not build. */
export function ensureBuilt(root?: string): void;
export function isStale(root: string): boolean;
