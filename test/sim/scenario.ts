import { changed, firstDraft, guardsOf, withIngress, withReserves, withStrategies, withWeights } from './drafts.js'
import type { Draft, GuardDraft } from './drafts.js'
import { FAULTS } from './fault-table.js'
import type { FaultId } from './fault-table.js'
import { INJECTIONS } from './faults.js'
import { randomOf } from './random.js'
import type { Random } from './random.js'
import { releasesBefore } from './releases.js'
import type { World } from './world.js'

/** One thing that happens: what, with which dice, how long after the one before. Plain data, so that a failing run can be cut down and kept. */
export interface Step {
  readonly kind: 'commit' | 'revert' | 'fault' | 'command' | 'backup' | 'quiet' | 'upgrade'
  readonly fault?: FaultId
  readonly dice: number
  readonly afterMs: number
  /** A fault that lasts ends this much later. */
  readonly forMs: number
}

export interface Scenario {
  readonly seed: number
  readonly servers: number
  /** The real store instead of one in memory. */
  readonly sqlite: boolean
  readonly steps: readonly Step[]
  /** What its repository asks of a revision. */
  readonly guards?: GuardDraft
  /** Its fleet has proxies. */
  readonly ingress?: boolean
  /** Its routes have certificates of an authority. */
  readonly acme?: boolean
  /** Its services come to new versions by strategies. */
  readonly staged?: boolean
  /** Its canaries have checks. */
  readonly asked?: boolean
  /** Its services share a path by weights. */
  readonly weighted?: boolean
  /** Its servers have little memory, which services reserve. */
  readonly tight?: boolean
  /** The release that runs until the step that upgrades. */
  readonly release?: string
}

/** Many short worlds meet more than few long ones. */
const [STEPS_LEAST, STEPS_MOST] = [4, 14]
/** Faults that came later, with dice of their own: the seeds of before stay what they are. */
const BESIDE: ReadonlySet<FaultId> = new Set(['F59', 'F60', 'F61', 'F62', 'F63'])

/** Everything about a world, out of its seed. A third of the worlds are calm: commits, kills and lost answers only, where nothing may ever be short. */
export function scenarioOf(seed: number): Scenario {
  const random = randomOf(`scenario ${seed}`)
  const isCalm = random.chance(0.25)
  const faults = (Object.keys(FAULTS) as FaultId[]).filter((fault) => !BESIDE.has(fault))
  const calm: readonly FaultId[] = [
    'F02',
    'F03',
    'F04',
    'F16',
    'F49',
    'F50',
    'F52',
    'F56',
    'F57',
    'F26',
    'F32',
    'F31',
    'F20',
  ]
  const count = random.between(STEPS_LEAST, STEPS_MOST)
  const steps = Array.from({ length: count }, () => stepOf(random, isCalm ? calm : faults))
  const about = { seed, servers: random.pick([1, 2, 3, 3, 3, 4, 6]), sqlite: random.chance(0.02), steps }
  const memory = random.fork('memory')
  const tight = memory.chance(0.15) ? { tight: true } : {}
  // Beside what the dice above say, so that the seeds of before stay what they are.
  const hunger: Step = { ...stepOf(memory, ['F59']), kind: 'fault', fault: 'F59' }
  const hungry = !isCalm && memory.chance(0.12) ? { steps: [...steps.slice(0, 3), hunger, ...steps.slice(3)] } : {}
  const guarding = random.fork('guards')
  const ingress = random.fork('ingress').chance(0.15) ? { ingress: true } : {}
  const made = { ...about, ...hungry, ...tight, ...ingress }
  const guarded = guarding.chance(0.15) ? { ...made, guards: guardsOf(guarding) } : made
  const isStaged = guarded.ingress === true && random.fork('strategies').chance(0.6)
  const staged = isStaged ? askedOf({ ...guarded, staged: true }, random.fork('checks')) : guarded
  const isWeighted = guarded.ingress === true && random.fork('weights').chance(0.5)
  return isWeighted ? { ...staged, weighted: true } : staged
}

/** In half of the worlds with strategies canaries have checks, and in most of those who is asked has a bad time. */
function askedOf(scenario: Scenario, random: Random): Scenario {
  if (random.chance(0.5)) return scenario
  const step: Step = { ...stepOf(random, ['F63']), kind: 'fault', fault: 'F63' }
  const at = random.between(0, scenario.steps.length)
  const steps = random.chance(0.3)
    ? scenario.steps
    : [...scenario.steps.slice(0, at), step, ...scenario.steps.slice(at)]
  return { ...scenario, asked: true, steps }
}

/** A world whose routes have certificates of an authority. Something happens to that one, or to them, where it is not calm. */
export function certifiedOf(seed: number): Scenario {
  const scenario = scenarioOf(seed)
  const random = randomOf(`papers ${seed}`)
  const faults = (['F60', 'F61', 'F62', 'F62'] as const).filter(() => random.chance(0.5))
  const steps = faults.reduce<readonly Step[]>((all, fault) => {
    const at = random.between(0, all.length)
    return [...all.slice(0, at), { ...stepOf(random, [fault]), kind: 'fault', fault }, ...all.slice(at)]
  }, scenario.steps)
  return { ...scenario, ingress: true, acme: true, steps }
}

/** A world that an older release begins and this one takes over, sooner or later. */
export function upgradeOf(seed: number): Scenario {
  const { ingress: _later, staged: _also, asked: _yet, weighted: _too, steps, ...about } = scenarioOf(seed)
  const random = randomOf(`upgrade ${seed}`)
  const at = random.between(0, Math.ceil(steps.length / 2))
  const step: Step = { ...stepOf(random, ['F49']), kind: 'upgrade' }
  const release = random.pick(releasesBefore())
  return { ...about, sqlite: random.chance(0.1), release, steps: [...steps.slice(0, at), step, ...steps.slice(at)] }
}

function stepOf(random: Random, faults: readonly FaultId[]): Step {
  const roll = random.next()
  const kind =
    roll < 0.27 ? 'commit' : roll < 0.31 ? 'revert' : roll < 0.36 ? 'command' : roll < 0.39 ? 'backup' : 'fault'
  const afterMs = random.chance(0.25)
    ? random.between(100, 3_000)
    : random.chance(0.25)
      ? random.between(60, 500) * 1_000
      : random.between(3, 70) * 1_000
  const forMs = random.chance(0.5) ? random.between(5, 60) * 1_000 : random.between(60, 700) * 1_000
  const about = { kind, dice: random.between(0, 1_000_000_000), afterMs, forMs } as const
  return kind === 'fault' ? { ...about, fault: random.pick(faults) } : about
}

export function startDraft(scenario: Scenario): Draft {
  const draft = firstDraft(randomOf(`draft ${scenario.seed}`), serverNames(scenario.servers))
  const guarded = scenario.guards === undefined ? draft : { ...draft, guards: scenario.guards }
  const ported = scenario.ingress === true ? withIngress(guarded) : guarded
  const strategies = randomOf(`strategies ${scenario.seed}`)
  const routed = scenario.staged === true ? withStrategies(ported, strategies) : ported
  const asked = scenario.asked === true ? { ...routed, asked: true } : routed
  const shared = scenario.weighted === true ? withWeights(asked, randomOf(`weights ${scenario.seed}`)) : asked
  const balanced = scenario.acme === true ? { ...shared, acme: true } : shared
  return scenario.tight === true ? withReserves(balanced, randomOf(`reserves ${scenario.seed}`)) : balanced
}

export function serverNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `s${index + 1}`)
}

/** What each server has, where it is little. */
export function memoryOf({ seed, servers, tight }: Scenario): readonly number[] {
  const random = randomOf(`memory ${seed}`)
  return Array.from({ length: servers }, () => (tight === true ? random.pick([256, 512, 768]) * 1024 ** 2 : 16e9))
}

/** Does what a step says; answers what ends it. */
export function take(world: World, step: Step): (() => void) | null {
  const random = randomOf(step.dice)
  switch (step.kind) {
    case 'commit':
      world.commit(changed(world.draft, random), 'change')
      return null
    case 'revert':
      revert(world)
      return null
    case 'command':
      command(world, random)
      return null
    case 'backup':
      world.saveBackup()
      return null
    case 'quiet':
    case 'upgrade':
      return null
    case 'fault': {
      const injection = random.pick(INJECTIONS[step.fault ?? 'F49'])
      world.say(`fault ${step.fault}`)
      return injection(world, random)
    }
  }
}

/** The newest commit's files go back to those of the one before it, as `git revert` does. */
function revert(world: World): void {
  const head = world.git.head === null ? undefined : world.git.commits.get(world.git.head)
  const before = world.drafts.get(head?.parent ?? '')
  if (before !== undefined) world.commit(before, 'revert')
}

function command(world: World, random: Random): void {
  const by = 'ada'
  const stacks = Object.keys(world.draft.stacks).sort()
  const stack = stacks.length === 0 ? 'shop' : random.pick(stacks)
  const services = Object.keys(world.draft.stacks[stack] ?? {}).sort()
  const service = services.length === 0 ? 'web' : random.pick(services)
  const server = random.pick(world.draft.servers)
  const { held } = world.main.controller?.status().source ?? { held: null }
  const scope = random.pick(['*', stack, `${stack}/${service}`])
  const staging = random.fork('staging')
  if (world.draft.staged === true && staging.chance(0.4)) {
    const to = staging.pick(['step', 'end'] as const)
    const promote = { kind: 'promote', scope: staging.pick([stack, `${stack}/${service}`]), to, by } as const
    world.command(staging.pick([promote, { kind: 'abort', stack, by }]))
    return
  }
  world.command(
    random.pick([
      { kind: 'restart', stack, service, reason: 'because', by },
      { kind: 'retry', stack, by },
      { kind: 'drain', server, by },
      { kind: 'undrain', server, by },
      { kind: 'suspend', scope, reason: 'because', by },
      { kind: 'resume', scope, by },
      { kind: 'sync', by },
      { kind: 'approve', sha: held?.revision.sha ?? 'none', by },
    ]),
  )
}
