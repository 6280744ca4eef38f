import type { DriverLimits } from './options.js'

/** Doubling from the first pause to the longest; half of it jitter, so that servers do not come back in step. `attempt` counts from 0. */
export function backoffMs(attempt: number, limits: DriverLimits, random: () => number): number {
  const full = Math.min(limits.backoffMaxMs, limits.backoffFirstMs * 2 ** Math.min(attempt, 16))
  return Math.round(full / 2 + (full / 2) * random())
}
