/** A schedule of cron(5), taken apart: the values that each field matches. */
export interface Cron {
  readonly text: string
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly days: readonly number[]
  readonly months: readonly number[]
  /** 0 is Sunday. */
  readonly weekdays: readonly number[]
}

/** A time in which new revisions may be rolled out, or may not. */
export interface ReleaseWindow {
  readonly kind: 'allow' | 'deny'
  /** When it begins, in its time zone. */
  readonly cron: Cron
  /** From its beginning, in time that passes: an hour that the clock skips or repeats counts as it is. */
  readonly durationMs: number
  /** An IANA name, such as Europe/London. */
  readonly timeZone: string
  /** For people; empty when none was given. */
  readonly reason: string
}
