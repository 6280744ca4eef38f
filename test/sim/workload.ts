/** What a container of an image does with its life. Times in ms from its start. */
export interface Behaviour {
  /** Answers from then on; null: never. */
  readonly wellAfterMs: number | null
  /** Ill for good from then on. */
  readonly illAfterMs?: number
  /** Well and ill by turns, each this long. */
  readonly flapMs?: number
  /** Its healthcheck does not come back. */
  readonly hangs?: true
  readonly exits?: { readonly afterMs: number; readonly code: number; readonly oom?: true }
  /** Memory that it has taken from then on. */
  readonly takes: { readonly bytes: number; readonly afterMs: number }
  /** From SIGTERM to its end; longer than the grace period means that it is killed. */
  readonly stopsAfterMs: number
  /** What clients see though it is well: the part of requests that fail, and the count of times that answers are in. */
  readonly answers?: { readonly errors: number; readonly timesAt: number }
  readonly pullMs: number
  readonly pull?: 'missing' | 'limited' | 'stuck' | 'refused'
}

const GOOD: Behaviour = { wellAfterMs: 800, takes: { bytes: 4e6, afterMs: 500 }, stopsAfterMs: 200, pullMs: 2_000 }

/** By the tag of an image: `web:slow`. Every other tag is good. */
const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  slow: { ...GOOD, wellAfterMs: 20_000, pullMs: 12_000 },
  never: { ...GOOD, wellAfterMs: null },
  hang: { ...GOOD, wellAfterMs: null, hangs: true },
  crash: { ...GOOD, exits: { afterMs: 1_500, code: 1 } },
  crash2: { ...GOOD, wellAfterMs: null, exits: { afterMs: 200, code: 2 } },
  oom: { ...GOOD, exits: { afterMs: 4_000, code: 137, oom: true } },
  flap: { ...GOOD, flapMs: 3_000 },
  sway: { ...GOOD, flapMs: 45_000 },
  late: { ...GOOD, illAfterMs: 60_000 },
  brief: { ...GOOD, illAfterMs: 3_000 },
  hungry: { ...GOOD, takes: { bytes: 80e6, afterMs: 2_500 } },
  glutton: { ...GOOD, takes: { bytes: 300e6, afterMs: 6_000 } },
  clean: { ...GOOD, exits: { afterMs: 2_500, code: 0 } },
  done: { ...GOOD, wellAfterMs: 0, exits: { afterMs: 3_000, code: 0 } },
  jobbad: { ...GOOD, wellAfterMs: 0, exits: { afterMs: 3_000, code: 3 } },
  wrong: { ...GOOD, answers: { errors: 0.3, timesAt: 10 } },
  lame: { ...GOOD, answers: { errors: 0, timesAt: 35 } },
  stubborn: { ...GOOD, stopsAfterMs: 3_600_000 },
  absent: { ...GOOD, pull: 'missing' },
  limited: { ...GOOD, pull: 'limited' },
  stuck: { ...GOOD, pull: 'stuck' },
  denied: { ...GOOD, pull: 'refused' },
}

export function behaviourOf(image: string): Behaviour {
  return BEHAVIOURS[image.replace(/@.*/, '').split(':')[1] ?? ''] ?? GOOD
}

export function isWell(behaviour: Behaviour, ageMs: number): boolean {
  const { wellAfterMs, illAfterMs, flapMs } = behaviour
  if (wellAfterMs === null || ageMs < wellAfterMs) return false
  if (illAfterMs !== undefined && ageMs >= illAfterMs) return false
  return flapMs === undefined || Math.floor(ageMs / flapMs) % 2 === 0
}

/** From this age on nothing about its wellness changes; Infinity for what flaps. */
export function steadyAfterMs({ wellAfterMs, illAfterMs, flapMs }: Behaviour): number {
  return flapMs !== undefined ? Infinity : Math.max(wellAfterMs ?? 0, illAfterMs ?? 0)
}
