import type { ProblemCode } from '../../src/model/index.js'
import type { Random } from './random.js'

/** Why nothing gets through at all. */
export type Cut =
  | { readonly kind: 'refused'; readonly code: ProblemCode }
  /** Nothing comes back, not even a refusal. */
  | { readonly kind: 'silent' }

/** What becomes of one call. */
export type Fate = 'through' | 'not-sent' | 'request-lost' | 'reply-lost' | 'reply-garbled'

/** Shares of calls, 0 to 1. */
export interface Losses {
  readonly notSent: number
  readonly request: number
  readonly reply: number
  /** Of reads: the answer is cut or no JSON. */
  readonly garbled: number
}

export const NO_LOSSES: Losses = Object.freeze({ notSent: 0, request: 0, reply: 0, garbled: 0 })

/** The way to one server. Every server has its own, and a controller's calls to it share it. */
export class SimLink {
  cut: Cut | null = null
  losses: Losses = NO_LOSSES
  latencyMs: readonly [number, number] = [1, 4]
  /** Events of the engine do not come through. */
  isDeaf = false
  /** The readiness commands come back without an answer. */
  losesExec = false
  /** The name leads to another server, which has the same host key. */
  leadsTo: string | null = null
  private readonly random: Random

  constructor(random: Random) {
    this.random = random
  }

  heal(): void {
    this.cut = null
    this.losses = NO_LOSSES
    this.latencyMs = [1, 4]
    this.isDeaf = false
    this.losesExec = false
    this.leadsTo = null
  }

  draw(isRead: boolean): Fate {
    const { notSent, request, reply, garbled } = this.losses
    if (notSent + request + reply + garbled === 0) return 'through'
    const roll = this.random.next()
    if (roll < notSent) return 'not-sent'
    if (roll < notSent + request) return 'request-lost'
    if (roll < notSent + request + reply) return 'reply-lost'
    return isRead && roll < notSent + request + reply + garbled ? 'reply-garbled' : 'through'
  }

  delayMs(): number {
    return this.random.between(...this.latencyMs)
  }
}
