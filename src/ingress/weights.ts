/** HAProxy's greatest weight. */
const MOST = 256

/**
 * Whole numbers up to 256 that stand to each other as these do, as nearly as HAProxy's weights can: 0 stays 0, and what is more gets 1 at least. Those that are
 * such numbers already stay as they are. Of all scales the one is taken that moves the fewest requests elsewhere. `isScaled`: the largest is always near the top, so that
 * from one share to the next no weight jumps while the others were not told theirs.
 */
export function haproxyWeights(wanted: readonly number[], isScaled = false): readonly number[] {
  const weights = wanted.map((weight) => (Number.isFinite(weight) && weight > 0 ? weight : 0))
  const largest = Math.max(0, ...weights)
  if (largest === 0 || (!isScaled && largest <= MOST && weights.every(Number.isInteger))) return weights
  let best = scaled(weights, largest, MOST)
  let least = moved(weights, best)
  for (let top = MOST - 1; top > MOST / 2 && least > 0; top -= 1) {
    const next = scaled(weights, largest, top)
    const error = moved(weights, next)
    if (error < least) [best, least] = [next, error]
  }
  return best
}

function scaled(weights: readonly number[], largest: number, top: number): readonly number[] {
  return weights.map((weight) => (weight === 0 ? 0 : Math.max(1, Math.round((weight / largest) * top))))
}

/** Of all requests the share that goes to others than it should. */
export function moved(wanted: readonly number[], got: readonly number[]): number {
  const [all, told] = [sum(wanted), sum(got)]
  return sum(wanted.map((weight, at) => Math.abs(weight / all - (got[at] ?? 0) / told))) / 2
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
