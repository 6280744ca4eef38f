import type { Clock } from './ports.js'

/** Silence is counted in this many pieces: a process that gets no time to read answers must not take that for silence. */
const PIECES = 6

/**
 * Waits for the first look at servers that are new. Nobody waits for ever: once no server's first look was answered for `silenceMs`, those still
 * missing are given up for now.
 */
export class FirstLooks {
  private readonly missing = new Set<string>()
  private silent = 0
  private cancel: (() => void) | null = null
  private readonly clock: Clock
  private readonly silenceMs: number
  private readonly giveUp: (server: string) => void

  constructor(clock: Clock, silenceMs: number, giveUp: (server: string) => void) {
    this.clock = clock
    this.silenceMs = silenceMs
    this.giveUp = giveUp
  }

  await(server: string): void {
    this.missing.add(server)
    this.silent = 0
    this.cancel ??= this.next()
  }

  /** It was listed, has failed, or is no server any more. */
  end(server: string): void {
    if (this.missing.delete(server)) this.silent = 0
  }

  close(): void {
    this.cancel?.()
    this.missing.clear()
  }

  private next(): () => void {
    return this.clock.after(this.silenceMs / PIECES, () => this.piece())
  }

  private piece(): void {
    this.silent += 1
    if (this.silent >= PIECES) {
      for (const server of [...this.missing].sort()) this.giveUp(server)
      this.missing.clear()
    }
    this.cancel = this.missing.size > 0 ? this.next() : null
  }
}
