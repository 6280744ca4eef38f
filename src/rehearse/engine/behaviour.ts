/** What a container does once it runs. Times in ms from its start; each start begins anew. */
export interface Behaviour {
  /** From when on its healthcheck and its port answer well; null: never. */
  readonly readyAfterMs: number | null
  /** Well for `upMs`, ill for `downMs`, and so on, once it was ready; null: it stays well. */
  readonly flaps: { readonly upMs: number; readonly downMs: number } | null
  /** Ends by itself; null: it does not. */
  readonly ends: { readonly afterMs: number; readonly exitCode: number; readonly isOom: boolean } | null
  /** Memory that it takes from then on; null: hardly any. */
  readonly takes: { readonly bytes: number; readonly afterMs: number } | null
  /** From a stop signal other than SIGKILL to its end; null: it takes no notice. */
  readonly stopsAfterMs: number | null
  readonly stopExitCode: number
  /** How long a healthcheck runs; null: it hangs. */
  readonly checkMs: number | null
  /** Whether what its healthcheck says before it is ready counts against it. */
  readonly earlyChecksCount: boolean
  /** What it and its healthcheck say. */
  readonly output: string
  /** Why the runtime cannot start it; null: it can. */
  readonly startError: string | null
}

export const STEADY: Behaviour = Object.freeze({
  readyAfterMs: 0,
  flaps: null,
  ends: null,
  takes: null,
  stopsAfterMs: 10,
  stopExitCode: 0,
  checkMs: 30,
  earlyChecksCount: true,
  output: '',
  startError: null,
})

/** Whether it is on its way to be ready, and nobody shall hold it against it that it is not yet. */
export function isExcusedAt({ readyAfterMs, earlyChecksCount }: Behaviour, ageMs: number): boolean {
  return !earlyChecksCount && readyAfterMs !== null && ageMs < readyAfterMs
}

/** Whether it answers well so long after its start. */
export function isReadyAt({ readyAfterMs, flaps }: Behaviour, ageMs: number): boolean {
  if (readyAfterMs === null || ageMs < readyAfterMs) return false
  return flaps === null || (ageMs - readyAfterMs) % (flaps.upMs + flaps.downMs) < flaps.upMs
}
