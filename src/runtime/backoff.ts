/** Delay before try `n` (1, 2, …) in ms: doubles from `firstMs` up to `maxMs`. */
export function backoffMs(n: number, { firstMs, maxMs }: { firstMs: number; maxMs: number }): number {
  return Math.min(firstMs * 2 ** (n - 1), maxMs);
}
