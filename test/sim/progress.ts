const REPORT_EVERY_MS = 10_000

/** Counts what is played, tells of it now and then, and stops after the one at hand when Ctrl-C is pressed. */
export class Progress {
  isStopped = false
  done = 0
  failures = 0
  private readonly what: string
  private readonly startedAtMs = performance.now()
  private reportedAtMs = this.startedAtMs

  constructor(what: string) {
    this.what = what
    process.once('SIGINT', () => {
      this.isStopped = true
    })
  }

  failed(how: string): void {
    this.failures += 1
    console.log(how)
  }

  /** One more; answers whether to stop. */
  passed(about: string): boolean {
    this.done += 1
    if (performance.now() - this.reportedAtMs >= REPORT_EVERY_MS) {
      this.reportedAtMs = performance.now()
      const where = about === '' ? '' : ` (${about})`
      console.error(`${this.done} ${this.what}${where}, ${this.rate()} a second, ${this.failures} failed`)
    }
    return this.isStopped
  }

  rate(): string {
    return ((this.done * 1_000) / (performance.now() - this.startedAtMs)).toFixed(1)
  }

  /** Answers the exit code. */
  conclude(about: string): number {
    const end = this.isStopped ? ', stopped before the end' : ''
    console.log(`${this.done} ${this.what}, ${this.rate()} a second, ${this.failures} failed${end}; ${about}`)
    return this.failures > 0 ? 1 : 0
  }
}
