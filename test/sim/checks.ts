import type { Checker, Fact } from '../../src/controller/index.js'
import type { CheckAnswer } from '../../src/rollout/index.js'
import type { SimClock } from './clock.js'
import type { SimProcess } from './process.js'

/** What whoever is asked by the checks of canaries does; `silent`: answers too late. */
export type Mood = 'yes' | 'no' | 'unknown' | 'silent'

interface Word {
  readonly verdict: CheckAnswer['verdict']
  readonly askedAtMs: number
  readonly process: SimProcess
}

/** The one that all checks ask, and what he truly said of whom. */
export class SimChecks {
  mood: Mood = 'yes'
  /** By `stack/service`: when its step was reached. */
  private readonly reached = new Map<string, number>()
  private readonly words = new Map<string, Word>()
  private readonly clock: SimClock

  constructor(clock: SimClock) {
    this.clock = clock
  }

  portFor(process: SimProcess): Checker {
    return {
      check: async ({ question, timeoutMs }) => {
        const [[service, stack], askedAtMs] = [new URL(question.url).hostname.split('.'), this.clock.nowMs()]
        await this.clock.wait(this.mood === 'silent' ? timeoutMs : 50)
        const { mood } = this
        const verdict = mood === 'silent' ? 'unknown' : mood
        const answer = await process.gate({ verdict, said: 'the simulator says so' } as const)
        this.words.set(`${stack}/${service}`, { verdict, askedAtMs, process })
        return answer
      },
    }
  }

  note(fact: Fact): void {
    if (fact.kind === 'step-reached') this.reached.set(`${fact.stack}/${fact.service}`, this.clock.nowMs())
  }

  /** The last word of a service that a process heard since its step was reached; null: none. */
  lastWord(service: string, process: SimProcess | null): CheckAnswer['verdict'] | null {
    const [word, reachedAtMs] = [this.words.get(service), this.reached.get(service) ?? -Infinity]
    return word?.process === process && word.askedAtMs >= reachedAtMs ? word.verdict : null
  }
}
