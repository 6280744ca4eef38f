/** Values of the same thing measured several times. */
export interface Sample {
  readonly median: number
  readonly min: number
  readonly max: number
  readonly values: readonly number[]
}

export type Unit = 'ms' | 'MB' | 'calls'

/** One line of the table. A floor or target that is null makes no sense for it. */
export interface Figure {
  readonly group: Group
  readonly what: string
  readonly unit: Unit
  readonly slipway: Sample
  readonly floor: Sample | null
  /** What the floor does, in a few words. */
  readonly floorIs: string
  /** The most that Slipway may take, in floors; where there is no floor, in units. */
  readonly target: number | null
  /** Day on which it was measured, when results were merged. */
  readonly day?: string
}

export const GROUPS = ['deploy', 'update', 'heal', 'tick', 'memory', 'manifests', 'webhooks', 'ingress'] as const
export type Group = (typeof GROUPS)[number]

export function sampleOf(values: readonly number[]): Sample {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const low = sorted[Math.ceil(middle) - 1]
  const high = sorted[Math.floor(middle)]
  if (low === undefined || high === undefined) throw new Error('nothing was measured')
  return { median: (low + high) / 2, min: sorted[0] ?? low, max: sorted.at(-1) ?? high, values }
}

/** Slipway's median in floors; null where there is no floor. */
export function ratioOf({ slipway, floor }: Figure): number | null {
  return floor === null ? null : slipway.median / floor.median
}

/** Whether the target is met; null where there is none. */
export function isMet(figure: Figure): boolean | null {
  if (figure.target === null) return null
  return (ratioOf(figure) ?? figure.slipway.median) <= figure.target
}
