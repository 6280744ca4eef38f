import type { CanaryCheck } from '../model/index.js'
import type { CheckAnswer, CheckRun, CheckSeen } from '../rollout/index.js'
import { problemOf } from './performer.js'
import type { Ports } from './ports.js'

/** What a check said that is kept and shown of it. */
const MOST_SAID = 300
/** A check that took its whole interval to answer is left alone for a moment. */
const LEAST_PAUSE_MS = 1_000

interface Asked {
  readonly check: CanaryCheck
  readonly run: string
  seen: CheckSeen | null
  cancel: () => void
}

/** Asks the checks of canaries at their intervals, each one question at a time, and remembers the last answers. Lost with the controller, which asks anew. */
export class CheckBook {
  /** By `stack/service`, then by check. */
  private readonly asked = new Map<string, Map<string, Asked>>()
  private readonly ports: Pick<Ports, 'checker' | 'clock' | 'log'>
  private readonly signal: AbortSignal
  private readonly answered: (stack: string) => void

  constructor(ports: Pick<Ports, 'checker' | 'clock' | 'log'>, signal: AbortSignal, answered: (stack: string) => void) {
    this.ports = ports
    this.signal = signal
    this.answered = answered
  }

  /** By level: what is not named any more is forgotten, and its answer does not count when it comes. */
  decided(stack: string, runs: readonly CheckRun[]): void {
    const named = new Map(runs.map((run) => [`${stack}/${run.service}`, run]))
    for (const key of this.asked.keys()) if (key.startsWith(`${stack}/`) && !named.has(key)) this.forget(key)
    for (const [key, { run, checks }] of named) {
      if ([...(this.asked.get(key)?.values() ?? [])].some((one) => one.run !== run)) this.forget(key)
      if (this.asked.has(key) || this.ports.checker === undefined) continue
      const all = checks.map((check): Asked => ({ check, run, seen: null, cancel: () => undefined }))
      this.asked.set(key, new Map(all.map((one) => [one.check.name, one])))
      for (const one of all) void this.ask(key, one)
    }
  }

  /** Of a stack, by service: the last answers. */
  seen(stack: string): ReadonlyMap<string, readonly CheckSeen[]> {
    return new Map(
      [...this.asked].flatMap(([key, checks]) =>
        key.startsWith(`${stack}/`)
          ? [[key.slice(stack.length + 1), [...checks.values()].flatMap(({ seen }) => seen ?? [])] as const]
          : [],
      ),
    )
  }

  close(): void {
    for (const key of [...this.asked.keys()]) this.forget(key)
  }

  private forget(key: string): void {
    for (const { cancel } of this.asked.get(key)?.values() ?? []) cancel()
    this.asked.delete(key)
  }

  private async ask(key: string, asked: Asked): Promise<void> {
    const { clock } = this.ports
    const [{ name, intervalMs }, askedAtMs] = [asked.check, clock.nowMs()]
    const answer = await this.answerOf(asked.check)
    if (this.asked.get(key)?.get(name) !== asked) return
    const before = asked.seen
    const noes = answer.verdict === 'no' ? (before?.noes ?? 0) + 1 : answer.verdict === 'yes' ? 0 : (before?.noes ?? 0)
    const said = answer.said.slice(0, MOST_SAID)
    asked.seen = { name, run: asked.run, verdict: answer.verdict, said, askedAtMs, noes }
    if (before?.verdict !== answer.verdict) this.tell(key, asked.seen)
    const pauseMs = Math.max(LEAST_PAUSE_MS, askedAtMs + intervalMs - clock.nowMs())
    asked.cancel = clock.after(pauseMs, () => void this.ask(key, asked))
    this.answered(key.slice(0, key.indexOf('/')))
  }

  private async answerOf(check: CanaryCheck): Promise<CheckAnswer> {
    try {
      return (await this.ports.checker?.check(check, this.signal)) ?? { verdict: 'unknown', said: 'nobody asks' }
    } catch (error) {
      // A port that throws is a bug of ours, and says nothing about the new replicas.
      return { verdict: 'unknown', said: problemOf(error).message }
    }
  }

  private tell(key: string, { name: check, verdict, said }: CheckSeen): void {
    const slash = key.indexOf('/')
    const fields = { stack: key.slice(0, slash), service: key.slice(slash + 1), check, verdict, said }
    const level = verdict === 'yes' ? 'info' : 'warn'
    this.ports.log({ atMs: this.ports.clock.nowMs(), level, message: 'check answered', fields })
  }
}
