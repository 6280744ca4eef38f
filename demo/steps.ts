import type { FleetStatus, Settlement } from '../src/controller/index.js'
import type { Commit, FleetRepository } from './git.js'

export type StepKey = 'open' | '1' | '2' | '3'

/** One thing that the demo shows. */
export interface Step {
  readonly key: StepKey
  readonly title: string
  /** What the watcher is to look at. */
  readonly intent: readonly string[]
  readonly end: Settlement['kind']
  readonly deadlineMs: number
  /** Undefined when Git has it already: `nothing` says so. */
  readonly commit: (repository: FleetRepository) => Promise<Commit | undefined>
  readonly nothing: string
  /** What was to be seen, or what was seen instead. */
  readonly verdict: (before: FleetStatus, after: FleetStatus) => Verdict
}

export type Verdict =
  { readonly kind: 'as-told'; readonly text: string } | { readonly kind: 'otherwise'; readonly text: string }

const ENV_FILE = 'stacks/shop/web.env'
const START_SCRIPT = 'stacks/shop/web/start.sh'

export const STEPS: Readonly<Record<StepKey, Step>> = {
  open: {
    key: 'open',
    title: 'The first deployment',
    intent: ['The repository has one commit. The controller reads it and brings the servers to it.'],
    end: 'applied',
    deadlineMs: 120_000,
    commit: () => Promise.resolve(undefined),
    nothing: '',
    verdict: (_before, after) => {
      const replicas = running(after)
      const wanted = services(after).reduce((sum, { mode, wanted: count }) => sum + (mode === 'job' ? 0 : count), 0)
      const servers = new Set(replicas.map(({ server }) => server)).size
      return judge(replicas.length === wanted, `${replicas.length} of ${wanted} replicas healthy on ${place(servers)}`)
    },
  },
  1: {
    key: '1',
    title: 'A commit that rolls out',
    intent: [
      'Ann changes the greeting in web.env. Only web has it, so only web rolls: one replica after another,',
      'each new one healthy before an old one goes.',
    ],
    end: 'applied',
    deadlineMs: 90_000,
    commit: announceSale,
    nothing: `${ENV_FILE} has no line GREETING=… any more: put it back, or make a commit of your own`,
    verdict: (before, after) => {
      const wanted = services(after).find(({ name }) => name === 'web')?.wanted ?? 0
      const changed = replaced(before, after)
      const others = changed.filter(({ slot }) => !slot.includes('web#'))
      const text = `${changed.length - others.length} of ${wanted} replicas of web replaced, ${others.length} of other services`
      return judge(changed.length === wanted && others.length === 0, text)
    },
  },
  2: {
    key: '2',
    title: 'A commit that fails its health checks',
    intent: [
      'Ann tidies up the front end’s start script: the health page moves from /healthz to /health.',
      'Nobody told the health check. The first new replica never becomes healthy; the old ones go on serving.',
    ],
    end: 'rolled-back',
    deadlineMs: 120_000,
    commit: moveHealthPage,
    nothing: 'Git has that commit already: 3 reverts it',
    verdict: (before, after) => {
      const lost = replaced(before, after).length
      return judge(lost === 0, lost === 0 ? 'rolled back by itself, no running replica was touched' : touched(lost))
    },
  },
  3: {
    key: '3',
    title: 'git revert',
    intent: [
      'The newest of Ann’s commits is taken back. After one that failed nothing has to change on the servers: they went',
      'back already, and now Git and the fleet agree again. After one that worked, the replicas before it come back.',
    ],
    end: 'applied',
    deadlineMs: 60_000,
    commit: (repository) => repository.revertNewest(),
    nothing: 'no commit of this demo is left that git revert could take back: 1 or 2 makes one',
    verdict: (before, after) => {
      const count = replaced(before, after).length
      const isShort = services(after).every(({ phase }) => phase === 'synced' || phase === 'done')
      return judge(isShort, count === 0 ? 'Git and the fleet agree again, no replica was touched' : touched(count))
    },
  },
}

async function announceSale(repository: FleetRepository): Promise<Commit | undefined> {
  const text = await repository.read(ENV_FILE)
  const day = Number(/Sale, day (\d+)/.exec(text)?.[1] ?? 0) + 1
  const changed = text.replace(/^GREETING=.*$/m, `GREETING="Welcome to \${SHOP_NAME}! Sale, day ${day}"`)
  if (changed === text) return undefined
  return repository.commit({ [ENV_FILE]: changed }, `Announce day ${day} of the sale`)
}

async function moveHealthPage(repository: FleetRepository): Promise<Commit | undefined> {
  const text = await repository.read(START_SCRIPT)
  const changed = text.replace('>/tmp/www/healthz', '>/tmp/www/health')
  if (changed === text) return undefined
  return repository.commit({ [START_SCRIPT]: changed }, 'Move the health page')
}

function services(status: FleetStatus): FleetStatus['stacks'][number]['services'] {
  return status.stacks.flatMap((stack) => stack.services)
}

function running(status: FleetStatus): readonly { readonly slot: string; readonly server: string }[] {
  return services(status)
    .filter(({ mode }) => mode !== 'job')
    .flatMap(({ replicas }) => replicas.filter(({ health }) => health === 'healthy'))
}

/** Replicas of long-running services that were there before and are not any more. */
function replaced(before: FleetStatus, after: FleetStatus): readonly { readonly slot: string }[] {
  const replicasOf = (status: FleetStatus): FleetStatus['stacks'][number]['services'][number]['replicas'] =>
    services(status)
      .filter(({ mode }) => mode !== 'job')
      .flatMap(({ replicas }) => replicas)
  const now = new Set(replicasOf(after).map(({ containerId }) => containerId))
  return replicasOf(before).filter(({ containerId }) => !now.has(containerId))
}

function judge(isAsTold: boolean, text: string): Verdict {
  return { kind: isAsTold ? 'as-told' : 'otherwise', text }
}

function touched(count: number): string {
  return `${count} ${count === 1 ? 'replica was' : 'replicas were'} replaced`
}

function place(servers: number): string {
  return `${servers} ${servers === 1 ? 'server' : 'servers'}`
}
