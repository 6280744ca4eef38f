import type { Action, HealthcheckSpec, Replica, ServiceSpec } from '../../src/model/index.js'
import { SHOP_NETWORK, runAction } from '../driver/fixtures.js'
import { SERVER } from './engine-pair.js'
import type { Answer, Side } from './engine-pair.js'
import type { Random } from './random.js'

type OnContainer =
  'stop' | 'start' | 'restart' | 'remove' | 'update' | 'crash' | 'kill' | 'pause' | 'two removals' | 'two stops'

/** One step of a script. Containers are named by their slot: the ids of two engines differ. */
export type Step =
  | { readonly kind: 'run'; readonly key: string; readonly spec: Partial<ServiceSpec> }
  | { readonly kind: OnContainer; readonly key: string }
  | { readonly kind: 'network' | 'unnetwork' | 'reboot' }
  | { readonly kind: 'two runs'; readonly key: string; readonly spec: Partial<ServiceSpec> }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'disk' | 'port'; readonly isBad: boolean }

const CHECK: HealthcheckSpec = {
  test: ['CMD', 'true'],
  intervalMs: 5_000,
  timeoutMs: 3_000,
  retries: 2,
  startPeriodMs: null,
  startIntervalMs: null,
}
const TAGS = [
  '1',
  '1',
  'slow',
  'never',
  'hang',
  'crash',
  'crash2',
  'oom',
  'hungry',
  'hungry',
  'late',
  'brief',
  'clean',
  'stubborn',
  'absent',
]
const RESTARTS: readonly ServiceSpec['restart'][] = [
  { condition: 'unless-stopped', maxAttempts: 0 },
  { condition: 'no', maxAttempts: 0 },
  { condition: 'on-failure', maxAttempts: 0 },
  { condition: 'on-failure', maxAttempts: 2 },
]
const KEYS = ['1', '2', '3']

export function scriptOf(random: Random): readonly Step[] {
  const specs = [specOf(random), specOf(random)]
  const steps = Array.from({ length: random.between(4, 12) }, () => stepOf(random, specs))
  return [{ kind: 'network' }, { kind: 'run', key: '1', spec: random.pick(specs) }, ...steps]
}

function specOf(random: Random): Partial<ServiceSpec> {
  return {
    image: `web:${random.pick(TAGS)}`,
    restart: random.pick(RESTARTS),
    healthcheck: random.chance(0.6) ? { ...CHECK, startPeriodMs: random.chance(0.4) ? 10_000 : null } : null,
    networks: [{ network: 'shop_default', aliases: [] }],
    limits: { cpus: null, memoryBytes: random.pick([null, null, 64e6, 96e6]), pids: null },
    ports: random.chance(0.3)
      ? ([{ target: 80, published: 8080, hostIp: '', protocol: 'tcp' }] as unknown as ServiceSpec['ports'])
      : [],
  }
}

function stepOf(random: Random, specs: readonly Partial<ServiceSpec>[]): Step {
  const key = random.pick(KEYS)
  const kind = random.pick([
    'wait',
    'wait',
    'wait',
    'wait',
    'run',
    'run',
    'stop',
    'stop',
    'start',
    'restart',
    'remove',
    'crash',
    'kill',
    'pause',
    'update',
    'unnetwork',
    'network',
    'disk',
    'port',
    'reboot',
    'two runs',
    'two removals',
    'two stops',
  ] as const)
  switch (kind) {
    case 'wait':
      return { kind, ms: random.pick([300, 1_000, 5_000, 20_000, 100_000]) + random.between(0, 400) }
    case 'run':
    case 'two runs':
      return { kind, key, spec: random.pick(specs) }
    case 'disk':
    case 'port':
      return { kind, isBad: random.chance(0.5) }
    case 'network':
    case 'unnetwork':
    case 'reboot':
      return { kind }
    default:
      return { kind, key }
  }
}

/** Plays a step; answers what came of it. */
export async function playStep(side: Side, step: Step): Promise<string> {
  const about = { server: SERVER, stack: 'shop' } as const
  const perform = async (action: Action): Promise<string> => codeOf(await side.perform(action))
  switch (step.kind) {
    case 'wait':
      await side.wait(step.ms)
      return 'ok'
    case 'disk':
      side.fillDisk(step.isBad)
      return 'ok'
    case 'port':
      side.holdPort(8080, step.isBad)
      return 'ok'
    case 'network':
      return perform({ kind: 'ensure-network', ...about, network: SHOP_NETWORK })
    case 'unnetwork':
      return perform({ kind: 'remove-network', ...about, network: 'shop_default' })
    case 'reboot':
      await side.reboot()
      return 'ok'
    case 'run':
    case 'two runs':
      return run(side, step)
    default: {
      const inSlot = (await side.look()).filter(({ slot }) => slot.key === step.key)
      const [found] = inSlot.sort((a, b) => (a.specHash < b.specHash ? -1 : 1))
      return found === undefined ? 'none' : onContainer(side, step.kind, found)
    }
  }
}

async function run(side: Side, { kind, key, spec }: Extract<Step, { kind: 'run' | 'two runs' }>): Promise<string> {
  const image = spec.image ?? ''
  const pulled = await side.perform({ kind: 'pull', server: SERVER, stack: 'shop', image, policy: 'missing' })
  if (!pulled.ok) return `pull ${pulled.problem.code}`
  const action = runAction(SERVER, spec, pulled.value.image, key)
  return kind === 'run' ? codeOf(await side.perform(action)) : codesOf(await side.both(action, action))
}

async function onContainer(side: Side, kind: OnContainer, { containerId, slot }: Replica): Promise<string> {
  const about = { server: SERVER, stack: 'shop', slot, containerId } as const
  const stop = { kind: 'stop', ...about, graceMs: 1_000 } as const
  const remove = { kind: 'remove', ...about } as const
  switch (kind) {
    case 'crash':
      side.crash(containerId)
      return 'ok'
    case 'kill':
    case 'pause':
      await side[kind](containerId)
      return 'ok'
    case 'stop':
      return codeOf(await side.perform(stop))
    case 'restart':
      return codeOf(await side.perform({ ...stop, kind }))
    case 'update':
      return codeOf(await side.perform({ kind, ...about, limits: { cpus: null, memoryBytes: 64e6, pids: null } }))
    case 'start':
      return codeOf(await side.perform({ kind, ...about }))
    case 'remove':
      return codeOf(await side.perform(remove))
    case 'two stops':
      return codesOf(await side.both(stop, stop))
    case 'two removals':
      return codesOf(await side.both(remove, remove))
  }
}

function codeOf(answer: Answer): string {
  return answer.ok ? 'ok' : answer.problem.code
}

/** Which of two comes first is nobody's promise; nor, where none can succeed, whether the second still meets the name of the first. */
function codesOf(answers: readonly Answer[]): string {
  return answers.some(({ ok }) => ok) ? answers.map(codeOf).sort().join(' ') : 'neither'
}

/** Who of two gets a port when all start at once is nobody's promise either. */
export async function isContested(side: Side, step: Step, steps: readonly Step[]): Promise<boolean> {
  const isSpec = (one: Step): one is Extract<Step, { kind: 'run' | 'two runs' }> => 'spec' in one
  return (
    step.kind === 'reboot' &&
    steps.filter(isSpec).some(({ spec }) => spec.ports?.length === 1) &&
    (await side.look()).length > 1
  )
}

/** What is to be the same on both sides, a line each container. */
export async function seenOn(side: Side): Promise<readonly string[]> {
  const lines = (await side.look()).map(({ slot, specHash, state, health, exitCode, detail }) => {
    const ended = `exit ${String(exitCode)} restarts ${String(detail?.restartCount)} oom ${String(detail?.oomKilled)}`
    return `#${slot.key} ${specHash.slice(0, 6)} ${state} ${health} ${ended}`
  })
  return lines.sort()
}
