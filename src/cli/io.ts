import { createColors } from 'picocolors'
import type { Settings } from './settings.js'

/** The process as the commands see it; main.ts is the only one that knows the real one. */
export interface Io {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
  /** Whether standard output is a terminal. */
  readonly isTty: boolean
  /** Width of the terminal; 100 where there is none. */
  readonly columns: number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly isRoot: boolean
  /** Login name, for the record of who commanded what. */
  readonly user: string
  readonly nowMs: () => number
  /** Aborted by the first SIGINT or SIGTERM, with its name as reason. */
  readonly interrupted: AbortSignal
}

export type Colors = ReturnType<typeof createColors>

/** Colour only aids: nothing is said by colour alone. FORCE_COLOR over NO_COLOR over the terminal. */
export function colorsFor(io: Pick<Io, 'env' | 'isTty'>): Colors {
  const { FORCE_COLOR, NO_COLOR, TERM } = io.env
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return createColors(FORCE_COLOR !== '0')
  if (NO_COLOR !== undefined && NO_COLOR !== '') return createColors(false)
  return createColors(io.isTty && TERM !== 'dumb')
}

/** What a command gets to work with. */
export interface Context {
  readonly io: Io
  readonly colors: Colors
  readonly settings: Settings
}
