import type { AcmeChallenge } from '../model/index.js'
import type { Clock } from './ports.js'

/** Proxies that do not answer are waited for this long; then the authority is not told. */
const ANSWERED_MS = 60_000

/** What an authority is to be answered, and what proxies answer by now. */
export class ShownAnswers {
  /** What is to be answered now. */
  shown: readonly AcmeChallenge[] = []
  private given: ReadonlySet<string> = new Set()
  private wake: () => void = () => undefined

  /** True: it is something else than before. */
  show(answers: readonly AcmeChallenge[]): boolean {
    if (answers.length === 0 && this.shown.length === 0) return false
    this.shown = answers
    return true
  }

  /** Tokens that all proxies answer. */
  answered(tokens: readonly string[]): void {
    this.given = new Set(tokens)
    this.wake()
  }

  /** Waits until all proxies answer, as the authority may ask any of them. False: they did not in time. */
  async areGiven(clock: Clock, signal: AbortSignal): Promise<boolean> {
    const untilMs = clock.nowMs() + ANSWERED_MS
    while (!this.shown.every(({ token }) => this.given.has(token))) {
      const leftMs = untilMs - clock.nowMs()
      if (leftMs <= 0 || signal.aborted) return false
      await new Promise<void>((resolve) => {
        const end = (): void => {
          cancel()
          signal.removeEventListener('abort', end)
          resolve()
        }
        const cancel = clock.after(leftMs, end)
        signal.addEventListener('abort', end)
        this.wake = end
      })
    }
    return true
  }
}
