import type { Clock, FleetStatus, LogEvent, Proposal, Source, Workshop } from '../controller/index.js'
import type { Problem, Result, Revision } from '../model/index.js'
import { shownKey } from './ledger.js'
import type { Ledger } from './ledger.js'
import type { Outbox } from './outbox.js'
import type { Forge, ProposalPlan } from './ports.js'
import { describe, markerOf, renderPlan, renderProblems } from './render.js'
import type { ProposalNews } from './render.js'
import { contextOf } from './rollout-news.js'

export interface ReviewerOptions {
  readonly clock: Clock
  readonly workshop: Workshop
  readonly forge: Forge
  readonly outbox: Outbox
  readonly ledger: Ledger
  readonly log: (event: LogEvent) => void
  /** The followed branch. */
  readonly branch: string
  readonly patterns: readonly string[]
  readonly pollMs: number
  readonly status: () => FleetStatus
  /** What the merged files would change; asks no server, writes nothing. */
  readonly plan: (source: Source, signal: AbortSignal) => Promise<ProposalPlan>
  /** Known to nobody who can comment: names our comments. */
  readonly secret: string
  /** Names what the fleet looks like: another text, another plan. */
  readonly fleetState: () => string
}

/** Only the newest are looked at: forges keep the refs of proposals that were closed years ago. */
const LOOKED_AT = 50
/** Planned at most in one round. */
const PLANNED = 20
const CLOSED_FOR_MS = 60 * 60_000
/** A fleet that never rests does not plan all proposals over and over. */
const ROUND_PAUSE_MS = 10_000
/** What came during a round is looked at soon after it. */
const AGAIN_MS = 1_000

/**
 * Follows proposals: for each new head, and again when the branch or the fleet has moved, plans what its merge would do and tells the forge. What is
 * proposed is only read and planned: no server is asked for it, nothing is decrypted, and what goes wrong with it is told there and stays there.
 */
export class Reviewer {
  readonly #options: ReviewerOptions
  readonly #closing = new AbortController()
  /** What each proposal was last planned for: head, base, fleet. */
  readonly #planned = new Map<string, string>()
  /** Proposals that are closed, or in the branch already, by ref: not asked for again for a while, as they may be opened again. */
  readonly #closed = new Map<string, { readonly head: string; readonly untilMs: number }>()
  #cancel: () => void = () => undefined
  #round: Promise<void> | null = null
  #again = false
  /** What kept a round from being whole, said once; null while one goes well. */
  #problem: string | null = null
  #isWhole = true

  constructor(options: ReviewerOptions) {
    this.#options = options
  }

  start(): void {
    this.#schedule(0)
  }

  /** Looks now, or joins the look under way. */
  look(): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve()
    this.#cancel()
    // What was pushed after the round began may have been missed by it.
    this.#again = this.#round !== null
    this.#round ??= this.#lookOnce()
      .catch(
        (error: unknown) =>
          void this.#fails(error instanceof Error ? `${error.name} ${error.message}` : 'unknown error'),
      )
      .finally(() => {
        this.#round = null
        this.#schedule(this.#again ? AGAIN_MS : Math.max(ROUND_PAUSE_MS, this.#options.pollMs))
        this.#again = false
      })
    return this.#round
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#cancel()
    await this.#round
  }

  #schedule(delayMs: number): void {
    if (this.#closing.signal.aborted) return
    this.#cancel = this.#options.clock.after(delayMs, () => void this.look())
  }

  async #lookOnce(): Promise<void> {
    this.#isWhole = true
    const { workshop, patterns, branch, status } = this.#options
    const { signal } = this.#closing
    // Without a fleet there is nothing to plan against, and no name to plan under.
    const { fleet } = status()
    if (fleet === null) return
    const found = await workshop.proposals(patterns, signal)
    if (!found.ok) return void this.#fails(found.problem.message)
    const base = await workshop.bring(`refs/heads/${branch}`, signal)
    if (!base.ok) return void this.#fails(base.problem.message)
    const seen = `${base.value.sha} ${this.#options.fleetState()}`
    let left = PLANNED
    for (const proposal of found.value.slice(-LOOKED_AT).reverse()) {
      if (left <= 0 || signal.aborted) break
      if (await this.#review(fleet, proposal, { ...base.value, ref: branch }, seen)) left -= 1
    }
    this.#forget(found.value)
    if (this.#isWhole) this.#problem = null
  }

  /** Whether it took a plan. */
  async #review(fleet: string, proposal: Proposal, base: Revision, seen: string): Promise<boolean> {
    const { clock, workshop, secret } = this.#options
    const { signal } = this.#closing
    const closed = this.#closed.get(proposal.ref)
    if (closed?.head === proposal.head && closed.untilMs > clock.nowMs()) return false
    const about = `${proposal.head} ${seen}`
    if (this.#planned.get(proposal.ref) === about) return false
    const head = await workshop.bring(proposal.ref, signal)
    // Pushed to since it was listed: what is told of one commit must not be the plan of another.
    if (head.ok && head.value.sha !== proposal.head) return this.#moved()
    const merge = head.ok ? await workshop.merge(base, head.value, signal) : null
    if (merge?.ok === true && merge.value.isContained) return this.#close(proposal)
    const open = await this.#options.forge.isOpen(proposal.key, signal)
    if (!open.ok) return this.#fails(open.problem.message)
    if (open.value === false) return this.#close(proposal)
    if (signal.aborted) return true
    this.#planned.set(proposal.ref, about)
    const marker = markerOf(fleet, proposal.key, secret)
    const news = { fleet, marker, head: proposal.head, base }
    if (!this.#wasSeen(proposal)) this.#tell(proposal, news, 'pending', 'planning', null)
    const problems = !head.ok ? [head.problem] : merge?.ok === false ? merge.problem : null
    if (problems !== null) this.#refuse(proposal, news, problems)
    else if (merge?.ok === true) await this.#plan(proposal, news, merge.value.source)
    return true
  }

  #moved(): false {
    this.#again = true
    return false
  }

  #close({ ref, head }: Proposal): false {
    this.#closed.set(ref, { head, untilMs: this.#options.clock.nowMs() + CLOSED_FOR_MS })
    return false
  }

  #wasSeen({ head }: Proposal): boolean {
    return this.#options.ledger.get(`status ${head}`) !== undefined
  }

  async #plan(proposal: Proposal, news: ProposalNews, source: Source): Promise<void> {
    const plan = await this.#options.plan(source, this.#closing.signal)
    if (this.#closing.signal.aborted) return
    const [first] = plan.errors
    const state = first === undefined ? 'success' : 'failure'
    const text = first === undefined ? plan.summary : reasonOf(plan.errors)
    this.#tell(proposal, news, state, text, renderPlan(news, plan), plan.pin)
  }

  #refuse(proposal: Proposal, news: ProposalNews, problems: readonly Problem[]): void {
    this.#tell(proposal, news, 'failure', reasonOf(problems), renderProblems(news, problems))
  }

  #tell(
    { key, head }: Proposal,
    { fleet, marker }: ProposalNews,
    state: 'pending' | 'success' | 'failure',
    text: string,
    body: string | null,
    pin: string | null = null,
  ): void {
    const { forge, outbox, ledger, clock } = this.#options
    const status = { sha: head, state, context: contextOf(fleet), description: describe(`plan: ${text}`) }
    const send = (signal: AbortSignal): Promise<Result<void>> => forge.setStatus(status, signal)
    outbox.put({ key: `status ${head}`, content: `${state} ${status.description}`, send })
    if (body === null || !forge.takesComments(key)) return
    const comment = async (signal: AbortSignal): Promise<Result<void>> => {
      const sent = await forge.comment(key, marker, body, signal)
      if (sent.ok && pin !== null) ledger.set(shownKey(pin), String(clock.nowMs()))
      return sent
    }
    outbox.put({ key: `comment ${key}`, content: body, send: comment })
  }

  /** Git or the forge cannot be read: said once, tried again at the next look. */
  #fails(problem: string): false {
    this.#isWhole = false
    if (problem === this.#problem) return false
    this.#problem = problem
    const { log, clock } = this.#options
    log({ atMs: clock.nowMs(), level: 'warn', message: 'proposals not read', fields: { problem } })
    return false
  }

  #forget(proposals: readonly Proposal[]): void {
    const refs = new Set(proposals.map(({ ref }) => ref))
    for (const known of [this.#planned, this.#closed])
      for (const ref of known.keys()) if (!refs.has(ref)) known.delete(ref)
  }
}

function reasonOf(problems: readonly Problem[]): string {
  const [first] = problems
  const where =
    first?.place === undefined
      ? ''
      : `${first.place.path}${first.place.line === undefined ? '' : `:${first.place.line}`} `
  const more = problems.length > 1 ? ` and ${problems.length - 1} more` : ''
  return `${where}${first?.code ?? 'no reason'}${more}`
}
