import { expect, it } from 'vitest'
import type { Clock, Snapshot } from '../../src/controller/index.js'
import { Undoer, openForge, openLedger, openOutbox } from '../../src/forge/index.js'
import type { LedgerFile } from '../../src/forge/index.js'
import { createLoader } from '../../src/manifest/index.js'
import { ROLLOUT_DEFAULTS } from '../../src/model/index.js'
import type { Revision, RolloutPolicy } from '../../src/model/index.js'
import { EMPTY_STACK_STATE } from '../../src/rollout/index.js'
import type { StackState } from '../../src/rollout/index.js'
import { specOf } from '../planner/world.js'
import { freshRepository, freshServer, later } from '../source/follow.js'
import type { TestRepository } from '../source/repository.js'
import { workshopOn } from '../source/workshop.js'
import { TOKEN, contractForge } from './contract.js'
import type { ContractForge } from './contract.js'

const clock: Clock = {
  nowMs: () => 1_700_000_000_000 + Math.round(performance.now()),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

const COMPOSE = 'stacks/shop/compose.yaml'

interface Desk {
  readonly repository: TestRepository
  readonly forge: ContractForge
  readonly log: string[]
  pushes: number
  /** Looks until nothing is under way; a new Undoer on the same memory each time, as after a restart. */
  readonly look: (failed: string, good: string, patch?: Partial<StackState>) => Promise<void>
}

async function desk(onRollback: RolloutPolicy['onRollback']): Promise<Desk> {
  const repository = freshRepository()
  repository.bareGit('config', 'http.receivepack', 'true')
  const forge = await contractForge('gitea')
  later(() => forge.close())
  const url = `${(await freshServer(repository)).url}/fleet.git`
  const memory: LedgerFile & { text: string | null } = {
    text: null,
    read: () => memory.text,
    write: (text) => void (memory.text = text),
  }
  const opened = openForge({
    ...({ kind: 'gitea', url: forge.url, token: TOKEN, repository: 'https://x.example.com/acme/fleet' } as const),
    ...{ project: null, allowPlainHttp: false, fetch, nowMs: () => clock.nowMs() },
  })
  if (!opened.ok) throw new Error(opened.problem.message)
  const made: Desk = {
    repository,
    forge,
    log: [],
    pushes: 0,
    async look(failed, good, patch = {}) {
      const workshop = workshopOn(url)
      const ledger = openLedger(memory)
      const log = made.log.push.bind(made.log)
      const outbox = openOutbox(clock, ledger, () => undefined)
      const undoer = new Undoer({
        ...{ clock, workshop, ledger, outbox, forge: opened.value, branch: 'main' },
        log: ({ message, fields }) => void log(`${message} ${String(fields.problem ?? fields.branch)}`),
        snapshot: () => snapshotOf(failed, good, onRollback, patch),
        onPushed: () => void (made.pushes += 1),
      })
      undoer.look()
      // Closing ends it in the middle: what is under way is awaited by looking at what it does.
      const before = made.log.length
      for (let n = 0; n < 400 && made.log.length === before && n < (isIdle(memory, failed, patch) ? 10 : 400); n += 1)
        await new Promise((resolve) => setTimeout(resolve, 25))
      while (!outbox.isEmpty()) await new Promise((resolve) => setTimeout(resolve, 5))
      await undoer.close()
      outbox.close()
    },
  }
  return made
}

/** Nothing is expected to happen: no need to wait for it long. */
function isIdle({ text }: { readonly text: string | null }, failed: string, patch: object): boolean {
  return (text ?? '').includes(`undone ${failed}`) || Object.keys(patch).length > 0
}

function snapshotOf(
  failed: string,
  good: string,
  onRollback: RolloutPolicy['onRollback'],
  patch: Partial<StackState>,
): Snapshot {
  const revision = (sha: string): Revision => ({
    ref: 'main',
    sha,
    author: 'Ada',
    committedAtMs: 0,
    subject: `the ${sha.slice(0, 4)}`,
  })
  const problem = { code: 'HEALTHY_DEADLINE', message: 'not healthy\nin time' } as const
  const state: StackState = {
    ...EMPTY_STACK_STATE,
    desired: { hash: 'bad', revision: revision(failed) },
    proven: { hash: 'good', revision: revision(good) },
    rejected: [
      {
        atMs: 1_700_000_000_000,
        hash: 'bad',
        revision: revision(failed),
        service: 'web',
        serviceHash: 'x',
        scope: 'stack',
        problem,
      },
    ],
    ended: { atMs: 1, outcome: 'completed', direction: 'back', revision: revision(good) },
    ...patch,
  }
  const services = [specOf('web', { rollout: { ...ROLLOUT_DEFAULTS, onRollback } })]
  const stack = { name: 'shop', path: COMPOSE, services, networks: [], volumes: [] }
  const whole = { stacks: { shop: state }, accepted: { fleet: { name: 'acme' } } }
  return {
    observation: new Map(),
    state: whole as unknown as Snapshot['state'],
    stack: () => stack,
    controllerId: 'one',
    loader: createLoader(),
  }
}

it('pushes the reverting commit once, with why in its message', async () => {
  const { repository, look, ...made } = await desk('revert')
  const good = repository.push('good', { [COMPOSE]: '1', other: '1' })
  const bad = repository.push('bad', { [COMPOSE]: '2', other: '2' })
  await look(bad, good)
  await look(bad, good)
  expect(repository.bareGit('rev-list', '--count', 'main')).toBe('3')
  expect(repository.bareGit('diff', '--stat', good, 'main')).toBe('')
  expect(repository.bareGit('log', '-1', '--format=%B', 'main')).toBe(`Revert "the ${bad.slice(0, 4)}"

This reverts commit ${bad},
which failed and was rolled back.

- shop/web: HEALTHY_DEADLINE not healthy in time

Slipway-Reverts: ${bad}
Slipway-Fleet: acme`)
  expect(made.log).toEqual(['rollback pushed to Git main'])
})

it('proposes it as a branch, and leaves the followed one alone', async () => {
  const { repository, forge, look } = await desk('pull-request')
  const good = repository.push('good', { [COMPOSE]: '1' })
  const bad = repository.push('bad', { [COMPOSE]: '2' })
  await look(bad, good)
  await look(bad, good)
  const branch = `slipway/revert-${bad.slice(0, 12)}`
  expect(repository.bareGit('rev-parse', 'main', `${branch}~1`)).toBe(`${bad}\n${bad}`)
  expect(forge.proposed).toEqual([
    {
      head: branch,
      base: 'main',
      title: `Revert "the ${bad.slice(0, 4)}"`,
      body: expect.stringContaining(bad) as string,
    },
  ])
})

it('takes back what several commits changed in the folder of the stack, when they came at once', async () => {
  const { repository, look } = await desk('revert')
  const good = repository.push('good', { [COMPOSE]: '1', other: '1' })
  repository.push('first half', { [COMPOSE]: '2', other: '2' })
  const bad = repository.push('second half', { 'stacks/shop/web.env': 'A=1', other: '3' })
  await look(bad, good)
  expect(repository.bareGit('diff', '--name-only', good, 'main')).toBe('other')
  expect(repository.bareGit('show', 'main:other')).toBe('3')
})

it('takes back a merge with all that came in with it', async () => {
  const { repository, look } = await desk('revert')
  const good = repository.push('good', { [COMPOSE]: '1' })
  repository.git('checkout', '--quiet', '-b', 'change')
  repository.write(COMPOSE, '2')
  repository.commit('one')
  repository.write('stacks/shop/web.env', 'A=1')
  repository.commit('two')
  repository.git('checkout', '--quiet', 'main')
  repository.git('merge', '--quiet', '--no-ff', '--no-edit', 'change')
  repository.git('push', '--quiet', 'origin', 'main')
  await look(repository.git('rev-parse', 'HEAD'), good)
  expect(repository.bareGit('diff', '--stat', good, 'main')).toBe('')
})

it('does nothing over a newer commit, now or later', async () => {
  const { repository, look, log } = await desk('revert')
  const good = repository.push('good', { [COMPOSE]: '1' })
  const bad = repository.push('bad', { [COMPOSE]: '2' })
  const newer = repository.push('newer', { other: '1' })
  await look(bad, good)
  repository.git('reset', '--quiet', '--hard', bad)
  expect(repository.bareGit('rev-parse', 'main')).toBe(newer)
  await look(bad, good)
  expect(log).toEqual(['rollback not pushed to Git a newer commit is there'])
})

it('never takes its own revert back', async () => {
  const { repository, look, log } = await desk('revert')
  const good = repository.push('good', { [COMPOSE]: '1' })
  const bad = repository.push('bad', { [COMPOSE]: '2' })
  await look(bad, good)
  const ours = repository.bareGit('rev-parse', 'main')
  await look(ours, good)
  expect(repository.bareGit('rev-parse', 'main')).toBe(ours)
  expect(log.at(-1)).toBe('rollback not pushed to Git it is a revert of ours already')
})

it('says that the server refuses, and leaves it to people', async () => {
  const { repository, look, log } = await desk('revert')
  const good = repository.push('good', { [COMPOSE]: '1' })
  const bad = repository.push('bad', { [COMPOSE]: '2' })
  repository.bareGit('config', 'http.receivepack', 'false')
  await look(bad, good)
  await look(bad, good)
  expect(log).toHaveLength(1)
  expect(repository.bareGit('rev-parse', 'main')).toBe(bad)
})

it.each<[string, RolloutPolicy['onRollback'], Partial<StackState>]>([
  ['only a status is asked for', 'status', { recovering: false }],
  ['the way back is not over', 'revert', { recovering: true }],
  ['there was nothing to go back to', 'revert', { proven: null }],
  ['Git has changed the stack since', 'revert', { desired: null }],
])('waits, or does nothing, where %s', async (_what, onRollback, patch) => {
  const { repository, look, log } = await desk(onRollback)
  const good = repository.push('good', { [COMPOSE]: '1' })
  const bad = repository.push('bad', { [COMPOSE]: '2' })
  await look(bad, good, patch)
  expect({ head: repository.bareGit('rev-parse', 'main'), log }).toEqual({ head: bad, log: [] })
})
