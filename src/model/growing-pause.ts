/** Beyond it every pause here is at its most; 2 to any power is no number of ms. */
const MOST_DOUBLINGS = 10

/** How long to wait before another try, in ms: `firstMs` after the first failure, doubled by each one more, `mostMs` at most. */
export function growingPauseMs(failures: number, firstMs: number, mostMs: number): number {
  return Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, MOST_DOUBLINGS))
}
