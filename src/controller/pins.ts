import type { Revision } from '../model/index.js'

/** Plans by their pins: what `guards.plan` compares. */
export interface Pins {
  /** Whether a plan was shown to those who review. */
  isShown(pin: string): boolean
  /** The pin of what a revision would change now; null when it cannot be planned, or is interrupted. */
  pinOf(revision: Revision, signal: AbortSignal): Promise<string | null>
}
