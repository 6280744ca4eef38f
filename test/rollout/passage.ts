import { specHash, stackHash } from '../../src/model/index.js'
import type { Action, Replica, ServerView, ServiceSpec, Stack } from '../../src/model/index.js'
import { measureUsage, planStack } from '../../src/planner/index.js'
import {
  EMPTY_STACK_STATE,
  aborted,
  advance,
  foldRollout,
  isGoingBack,
  promoted,
  slotKey,
  targetOf,
} from '../../src/rollout/index.js'
import type {
  Advice,
  CheckAnswer,
  CheckSeen,
  Facts,
  GroupFigures,
  Prepared,
  RolloutFact,
  ShareSeen,
  StackState,
} from '../../src/rollout/index.js'
import { away, fleetOf, listed, server } from '../planner/world.js'
import { NOW_MS, revisionOf, stackOf } from './situation.js'

const NOTHING_YET: GroupFigures = { requests: 0, errors: 0, p95Ms: null }
type Said = Omit<CheckSeen, 'run'>

const MOST_TURNS = 200

/**
 * One stack on its way from what was proven to what Git wants: the real planner, rollout and fold, with engines and proxies that do at once what they are
 * told. What happens is written down in one line each.
 */
export class Passage {
  nowMs = NOW_MS
  state: StackState
  readonly lines: string[] = []
  readonly suspended = new Set<string>()
  /** Images whose replicas are ill. */
  readonly ill = new Set<string>()
  readonly awayServers = new Map<string, 'missed' | 'lost'>()
  /** While false the proxies take nothing. */
  takesShares = true
  private readonly servers: readonly string[]
  private readonly stacks = new Map<string, Stack>()
  private replicas: readonly Replica[]
  private seen: ReadonlyMap<string, ShareSeen> = new Map()
  private readonly prepared = new Map<string, Prepared>()
  private rotation = new Map<string, Facts['rotation'] extends ReadonlyMap<string, infer R> ? R : never>()
  private made = 0
  private readonly asked = new Map<string, { readonly run: string; readonly said: readonly Said[] }>()

  constructor(before: readonly ServiceSpec[], servers: readonly string[] = ['lon-1', 'lon-2']) {
    this.servers = servers
    const stack = this.keep(before)
    const slots = before.flatMap((spec) => Array.from({ length: spec.replicas }, (_, at) => ({ spec, key: at + 1 })))
    this.replicas = slots.map(({ spec, key }) =>
      this.make(spec, String(key), servers[(key - 1) % servers.length] ?? ''),
    )
    const version = { hash: stackHash(stack), revision: revisionOf('a') }
    this.state = {
      ...EMPTY_STACK_STATE,
      desired: version,
      proven: version,
      provenSpecs: Object.fromEntries(before.map((spec) => [`${spec.name}:${specHash(spec)}`, version.revision])),
      provenReplicas: Object.fromEntries(this.replicas.map((one) => [slotKey(one.slot), one.containerId])),
    }
  }

  /** A commit. */
  want(services: readonly ServiceSpec[], sha = 'b'): this {
    this.state = { ...this.state, desired: { hash: stackHash(this.keep(services)), revision: revisionOf(sha) } }
    return this.settle()
  }

  /** Time goes by, without and with somebody who looks. */
  pass(ms: number): this {
    this.nowMs += ms
    return this.settle()
  }

  /** What the proxies have counted since the share is what it is. */
  serve(service: string, fresh: Partial<GroupFigures>, old: Partial<GroupFigures> = {}): this {
    const before = this.seen.get(service)
    if (before === undefined) throw new Error(`${service} has no share`)
    const after = { ...before, fresh: { ...NOTHING_YET, ...fresh }, old: { ...NOTHING_YET, ...old } }
    this.seen = new Map([...this.seen, [service, after]])
    return this.settle()
  }

  /** A check of a service answers; without a service that asks it, nobody hears of it. */
  answer(service: string, name: string, verdict: CheckAnswer['verdict'], said = 'as the test says'): this {
    const asked = this.asked.get(service)
    const before = asked?.said.find((one) => one.name === name)?.noes ?? 0
    const noes = verdict === 'no' ? before + 1 : verdict === 'yes' ? 0 : before
    const others = asked?.said.filter((one) => one.name !== name) ?? []
    if (asked !== undefined)
      this.asked.set(service, { ...asked, said: [...others, { name, verdict, said, askedAtMs: this.nowMs, noes }] })
    return this.settle()
  }

  promote(service: string | null, to: 'step' | 'end'): this {
    this.state = promoted(this.state, service, to === 'step')
    return this.settle()
  }

  abort(): this {
    this.state = aborted(this.state, 'Ada', this.nowMs)
    return this.settle()
  }

  /** The controller dies; another one knows what was journaled, and asks the proxies anew. */
  restart(): this {
    this.state = JSON.parse(JSON.stringify(this.state)) as StackState
    this.seen = new Map([...this.seen].map(([name, one]) => [name, { ...one, ...ofNobody(this.nowMs) }]))
    this.asked.clear()
    return this.settle()
  }

  /** Something happens to a replica without anybody's doing. */
  strike(slot: string, image: string, patch: Partial<Replica> | null): this {
    const isStruck = (one: Replica): boolean => slotKey(one.slot) === slot && one.image === image
    this.replicas = this.replicas.flatMap((one) =>
      isStruck(one) ? (patch === null ? [] : [{ ...one, ...patch }]) : [one],
    )
    return this.settle()
  }

  /** `web#1 web:1, web#1 web:2`: what runs. */
  running(): string {
    const up = this.replicas.filter(({ state }) => state === 'running')
    return up
      .map(({ slot, image }) => `${slotKey(slot)} ${image}`)
      .sort()
      .join(', ')
  }

  /** What happened since the last call. */
  told(): readonly string[] {
    return this.lines.splice(0)
  }

  settle(): this {
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      const before = this.outside()
      const advice = this.decide()
      this.takeShares(advice)
      this.keepChecks(advice)
      for (const action of advice.actions) this.perform(action)
      if (this.outside() === before) return this
    }
    throw new Error(`it does not settle:\n${this.lines.slice(-20).join('\n')}`)
  }

  private outside(): string {
    return JSON.stringify([this.replicas, [...this.seen], [...this.rotation], this.prepared.size, [...this.asked]])
  }

  advice(): Advice {
    return advance(this.facts())
  }

  private decide(): Advice {
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      const advice = advance(this.facts())
      for (const fact of advice.facts) this.record(fact)
      if (!advice.again) return advice
    }
    throw new Error(`deciding does not end:\n${this.lines.slice(-20).join('\n')}`)
  }

  private record(fact: RolloutFact): void {
    this.state = foldRollout(this.state, fact)
    const line = lineOf(fact)
    if (line !== null) this.lines.push(line)
  }

  private facts(): Facts {
    const stackAt = (hash: string | undefined): Stack | null => this.stacks.get(hash ?? '') ?? null
    const desired = stackAt(this.state.desired?.hash)
    const proven = stackAt(this.state.proven?.hash)
    const target = targetOf(this.state, desired, proven)
    if (target === null) throw new Error('there is nothing to run')
    this.stacks.set(target.version.hash, target.stack)
    const observation = new Map(this.servers.map((name) => [name, this.view(name)]))
    const specs = new Map(
      [...this.stacks.values()].flatMap(({ services }) => services.map((one) => [specHash(one), one])),
    )
    const specOf = (hash: string): ServiceSpec | undefined => specs.get(hash)
    return {
      nowMs: this.nowMs,
      nowIso: new Date(this.nowMs).toISOString(),
      awakeSinceMs: 0,
      fleet: 'acme',
      controller: 'one',
      state: this.state,
      target,
      proven,
      plan: planStack({
        fleet: fleetOf(this.servers.map((name) => server(name))),
        stack: target.stack,
        proven,
        observation,
        isGoingBack: isGoingBack(this.state, target),
        usage: measureUsage(observation, specOf),
        specOf,
        drained: new Set(),
        restarts: new Map(),
        limitsInPlace: new Map(),
        jobsDone: new Set(),
        recentFailures: new Map(),
      }),
      observation,
      tracks: new Map(),
      busySlots: new Set(),
      preparing: new Set(),
      prepared: this.prepared,
      suspended: this.suspended,
      restarts: new Map(),
      runFailures: new Map(),
      evidence: new Map(this.replicas.map((one) => [one.containerId, NO_EVIDENCE])),
      rotation: this.rotation,
      shares: this.seen,
      checks: this.checksSeen(),
    }
  }

  /** As the controller's book has it: what is not asked any more is forgotten. */
  private checksSeen(): Facts['checks'] {
    return new Map([...this.asked].map(([service, { run, said }]) => [service, said.map((one) => ({ ...one, run }))]))
  }

  private keepChecks({ checks }: Advice): void {
    for (const [service, { run }] of this.asked)
      if (!checks.some((one) => one.service === service && one.run === run)) this.asked.delete(service)
    for (const { service, run, checks: own } of checks) {
      if (!this.asked.has(service)) this.lines.push(`asks ${service} ${own.map(({ name }) => name).join(' ')}`)
      this.asked.set(service, this.asked.get(service) ?? { run, said: [] })
    }
  }

  private view(name: string): ServerView {
    const own = this.replicas.filter((one) => one.server === name)
    const phase = this.awayServers.get(name)
    return phase === undefined ? listed(name, own) : away(name, phase, own)
  }

  private takeShares({ shares, drains }: Advice): void {
    const drained = new Set(drains.map(({ containerId }) => containerId))
    const running = this.replicas.filter(({ state }) => state === 'running')
    this.rotation = new Map(
      running.map(({ containerId }) => {
        const isOut = drained.has(containerId)
        const atMs = isOut ? 0 : null
        const phase = isOut ? 'out' : 'in'
        return [containerId, { phase, leavingSinceMs: atMs, quietSinceMs: atMs, sessions: 0, waitsFor: null }]
      }),
    )
    if (!this.takesShares) return
    const told = new Map<string, ShareSeen>()
    for (const { service, specHash: hash, percent } of shares) {
      const known = this.seen.get(service)
      const isSame = known?.specHash === hash && known.percent === percent
      if (!isSame) this.lines.push(`share ${service} ${percent}`)
      told.set(service, isSame ? known : { specHash: hash, percent, ...ofNobody(this.nowMs) })
    }
    for (const service of this.seen.keys()) if (!told.has(service)) this.lines.push(`share ${service} none`)
    this.seen = told
  }

  private perform(action: Action): void {
    if (action.kind === 'pull') {
      const key = `${action.server}|image|${action.image}|${action.policy}`
      this.prepared.set(key, { kind: 'done', image: { digest: null, id: action.image } })
      return
    }
    if (!('slot' in action)) return
    if (action.kind === 'run') {
      this.lines.push(`run ${slotKey(action.slot)} ${action.spec.image}`)
      this.replicas = [...this.replicas, this.make(action.spec, action.slot.key, action.server)]
      return
    }
    const isMeant = (one: Replica): boolean => 'containerId' in action && one.containerId === action.containerId
    const old = this.replicas.find(isMeant)
    if (action.kind !== 'remove') this.lines.push(`${action.kind} ${slotKey(action.slot)} ${old?.image ?? ''}`)
    const state = action.kind === 'stop' ? 'exited' : 'running'
    this.replicas =
      action.kind === 'remove'
        ? this.replicas.filter((one) => !isMeant(one))
        : this.replicas.map((one) =>
            isMeant(one) ? { ...one, state, exitCode: 0, health: this.healthOf(one.image) } : one,
          )
  }

  private make(spec: ServiceSpec, key: string, on: string): Replica {
    this.made += 1
    return {
      containerId: `c${this.made}`,
      containerName: `c${this.made}`,
      server: on,
      slot: { stack: spec.stack, service: spec.name, key },
      specHash: specHash(spec),
      revision: 'a'.repeat(40),
      image: spec.image,
      imageId: spec.image,
      limits: '',
      restart: '',
      controller: 'one',
      state: 'running',
      health: this.healthOf(spec.image),
      exitCode: null,
      createdAtMs: this.made,
      ports: [],
      addresses: {},
    }
  }

  private healthOf(image: string): Replica['health'] {
    return this.ill.has(image) ? 'unhealthy' : 'healthy'
  }

  private keep(services: readonly ServiceSpec[]): Stack {
    const stack = stackOf(services)
    this.stacks.set(stackHash(stack), stack)
    return stack
  }
}

const NO_EVIDENCE = {
  state: 'running',
  exitCode: null,
  oomKilled: false,
  restartCount: 0,
  error: '',
  healthOutput: '',
  healthExitCode: null,
  logTail: [],
}

function ofNobody(sinceMs: number): Pick<ShareSeen, 'sinceMs' | 'fresh' | 'old'> {
  return { sinceMs, fresh: NOTHING_YET, old: NOTHING_YET }
}

function lineOf(fact: RolloutFact): string | null {
  switch (fact.kind) {
    case 'step-begun':
      return `begun ${fact.service} ${fact.step + 1}/${fact.steps}${fact.promoted ? ' promoted' : ''}`
    case 'step-reached':
      return `reached ${fact.service} ${fact.step + 1}`
    case 'rollout-started':
      return `started ${fact.direction}`
    case 'rollout-failed':
      return `failed ${fact.problem.code} ${fact.then}`
    case 'rollout-completed':
    case 'rollout-superseded':
    case 'rollout-delayed':
      return fact.kind.slice('rollout-'.length)
    case 'replica-failed':
    case 'replica-healed':
      return `${fact.kind.slice('replica-'.length)} ${slotKey(fact.slot)}`
    default:
      return null
  }
}
