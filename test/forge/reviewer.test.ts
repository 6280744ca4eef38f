import { afterEach, describe, expect, it } from 'vitest'
import type { Clock, FleetStatus } from '../../src/controller/index.js'
import { Reviewer, openForge, openLedger, openOutbox, shownKey } from '../../src/forge/index.js'
import type { Outbox, ProposalPlan } from '../../src/forge/index.js'
import type { Problem } from '../../src/model/index.js'
import { filesOf, freshRepository, later, value } from '../source/follow.js'
import type { TestRepository } from '../source/repository.js'
import { workshopOn } from '../source/workshop.js'
import { TOKEN, contractForge } from './contract.js'
import type { ContractForge } from './contract.js'

const clock: Clock = {
  nowMs: () => Math.round(performance.now()),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

interface Desk {
  readonly repository: TestRepository
  readonly forge: ContractForge
  readonly outbox: Outbox
  /** The files of each plan that was asked for. */
  readonly planned: Record<string, string>[]
  readonly log: string[]
  fleet: string
  errors: readonly Problem[]
  planning: () => void
  /** Called after proposals were listed. */
  listed: () => void
  isShown(summary: string): boolean
  /** One look, and everything told. */
  look(): Promise<void>
  /** Pushes a proposal on top of main. */
  propose(key: string, files: Readonly<Record<string, string>>): string
}

async function desk(): Promise<Desk> {
  const repository = freshRepository()
  repository.push('first', { a: '1', b: '1' })
  const forge = await contractForge('gitea')
  later(() => forge.close())
  const options = {
    kind: 'gitea',
    url: forge.url,
    token: TOKEN,
    repository: 'https://x.example.com/acme/fleet',
  } as const
  const opened = openForge({ ...options, project: null, allowPlainHttp: false, fetch, nowMs: () => clock.nowMs() })
  if (!opened.ok) throw new Error(opened.problem.message)
  const ledger = openLedger({ read: () => null, write: () => undefined })
  const outbox = openOutbox(clock, ledger, () => undefined)
  const made: Desk = {
    repository,
    forge,
    outbox,
    planned: [],
    log: [],
    fleet: 'one',
    errors: [],
    planning: () => undefined,
    listed: () => undefined,
    isShown: (summary) => ledger.get(shownKey(`pin of ${summary}`)) !== undefined,
    async look() {
      await reviewer.look()
      while (!outbox.isEmpty()) await new Promise((resolve) => setTimeout(resolve, 5))
    },
    propose(key, files) {
      repository.git('checkout', '--quiet', '-B', `change-${key}`, 'main')
      for (const [path, content] of Object.entries(files)) repository.write(path, content)
      const sha = repository.commit(`change ${key}`)
      repository.git('push', '--quiet', '--force', 'origin', `HEAD:refs/pull/${key}/head`)
      repository.git('checkout', '--quiet', 'main')
      forge.pulls.set(key, 'open')
      return sha
    },
  }
  const workshop = workshopOn(repository.bare)
  const reviewer = new Reviewer({
    clock,
    workshop: {
      ...workshop,
      async proposals(patterns, signal) {
        const found = await workshop.proposals(patterns, signal)
        made.listed()
        return found
      },
    },
    secret: 'known to nobody',
    forge: opened.value,
    outbox,
    ledger,
    log: ({ fields }) => void made.log.push(String(fields.problem)),
    branch: 'main',
    patterns: ['refs/pull/*/head', 'refs/heads/try/*'],
    pollMs: 600_000,
    status: () => ({ fleet: 'acme' }) as FleetStatus,
    fleetState: () => made.fleet,
    async plan(source): Promise<ProposalPlan> {
      made.planning()
      const files = await filesOf(source, value(await source.poll(new AbortController().signal)).sha)
      made.planned.push(files)
      const summary = `a is ${files.a ?? 'gone'}, the fleet ${made.fleet}`
      return {
        summary,
        markdown: summary,
        impact: [],
        capacity: [],
        pin: `pin of ${summary}`,
        errors: made.errors,
        guards: [],
      }
    },
  })
  later(async () => {
    outbox.close()
    await reviewer.close()
  })
  return made
}

let made: Desk
const ours = (): readonly string[] =>
  [...made.forge.comments.values()].map(({ body, edits }) => `${edits}: ${body.split('\n')[6] ?? ''}`)
const states = (sha: string): readonly string[] =>
  made.forge.statuses.filter((told) => told.sha === sha).map(({ state }) => state)

afterEach(() => expect(made.forge.misuses).toEqual([]))

describe('a proposal', () => {
  it('is planned as its merge into the branch, and told as one status and one comment', async () => {
    made = await desk()
    const head = made.propose('7', { a: '2' })
    made.repository.push('meanwhile', { b: '2' })
    await made.look()
    expect(made.planned).toEqual([{ a: '2', b: '2' }])
    expect(states(head)).toEqual(['pending', 'success'])
    expect(made.forge.statuses.at(-1)).toMatchObject({
      context: 'slipway/acme',
      description: 'plan: a is 2, the fleet one',
    })
    expect(ours()).toEqual(['0: a is 2, the fleet one'])
    expect(made.isShown('a is 2, the fleet one')).toBe(true)
  })

  it('is not told in a comment that a stranger wrote to look like ours', async () => {
    made = await desk()
    made.propose('7', { a: '2' })
    made.forge.comments.set(1, { key: '7', body: '<!-- slipway plan acme -->\nall is well', edits: 0 })
    await made.look()
    const ours = [...made.forge.comments.values()].at(-1)?.body ?? ''
    made.propose('8', { a: '3' })
    made.forge.comments.set(2, { key: '8', body: `${ours.split('\n')[0] ?? ''}\nall is well`, edits: 0 })
    await made.look()
    const strange = [1, 2].map((id) => made.forge.comments.get(id)?.body.endsWith('all is well'))
    expect({ strange, all: made.forge.comments.size }).toEqual({ strange: [true, true], all: 4 })
  })

  it('whose head moves between listing and fetching is planned at the next look, as what it is then', async () => {
    made = await desk()
    const before = made.propose('7', { a: '2' })
    let after = ''
    made.listed = () => void (after = after === '' ? made.propose('7', { a: '3' }) : after)
    await made.look()
    expect(states(before)).toEqual([])
    await made.look()
    expect(states(after)).toEqual(['pending', 'success'])
    expect(made.planned).toEqual([{ a: '3', b: '1' }])
  })

  it('whose plan did not arrive counts as not shown', async () => {
    made = await desk()
    made.planning = () => (made.forge.fault = { status: 422 })
    made.propose('7', { a: '2' })
    await made.look()
    expect(made.isShown('a is 2, the fleet one')).toBe(false)
  })

  it('is planned again when it, the branch or the fleet moves, and not when nothing does', async () => {
    made = await desk()
    made.propose('7', { a: '2' })
    await made.look()
    await made.look()
    expect(made.planned).toHaveLength(1)
    made.fleet = 'two'
    await made.look()
    made.repository.push('meanwhile', { b: '2' })
    await made.look()
    made.propose('7', { a: '3' })
    await made.look()
    expect(made.planned).toHaveLength(4)
    expect(ours()).toEqual(['3: a is 3, the fleet two'])
  })

  it('fails with the place of each conflict, and succeeds after it was mended', async () => {
    made = await desk()
    const bad = made.propose('7', { a: '2' })
    made.repository.push('the same', { a: '9' })
    await made.look()
    expect(states(bad)).toEqual(['pending', 'failure'])
    expect([...made.forge.comments.values()][0]?.body).toContain('\na:1 MERGE_CONFLICT ')
    const good = made.propose('7', { a: '3' })
    await made.look()
    expect(states(good)).toEqual(['pending', 'success'])
    expect(made.forge.comments.size).toBe(1)
  })

  it('fails when its files are wrong', async () => {
    made = await desk()
    made.errors = [{ code: 'FIELD_UNKNOWN', message: 'no', place: { path: 'a', line: 1 } }]
    const head = made.propose('7', { a: '2' })
    await made.look()
    expect(made.forge.statuses.at(-1)).toMatchObject({
      sha: head,
      state: 'failure',
      description: 'plan: a:1 FIELD_UNKNOWN',
    })
  })

  it('is left alone when it is closed, deleted or merged', async () => {
    made = await desk()
    made.propose('7', { a: '2' })
    made.forge.pulls.set('7', 'closed')
    made.propose('8', { a: '3' })
    made.forge.pulls.delete('8')
    made.forge.misuses.length = 0
    const merged = made.propose('9', { a: '4' })
    made.repository.git('merge', '--quiet', merged)
    made.repository.git('push', '--quiet', 'origin', 'main')
    await made.look()
    expect({ planned: made.planned, statuses: made.forge.statuses }).toEqual({ planned: [], statuses: [] })
    expect(made.forge.misuses.splice(0)).toEqual(['404 GET /api/v1/repos/acme/fleet/pulls/8'])
  })

  it('may be a branch of a name that is followed: it has a status, and nowhere to comment', async () => {
    made = await desk()
    made.repository.git('checkout', '--quiet', '-B', 'try/x', 'main')
    made.repository.write('a', '2')
    const head = made.repository.commit('try it')
    made.repository.git('push', '--quiet', 'origin', 'HEAD:try/x')
    await made.look()
    expect(states(head)).toEqual(['pending', 'success'])
    expect({ comments: made.forge.comments.size, isShown: made.isShown('a is 2, the fleet one') }).toEqual({
      comments: 0,
      isShown: false,
    })
  })

  it('waits for a forge that is away, and is told when it is back', async () => {
    made = await desk()
    const head = made.propose('7', { a: '2' })
    made.forge.fault = { status: 502 }
    await made.look()
    await made.look()
    expect(made.planned).toEqual([])
    expect(made.log).toEqual([expect.stringContaining('HTTP 502')])
    made.forge.fault = null
    await made.look()
    expect(states(head)).toEqual(['pending', 'success'])
  })

  it('is one of twenty at most in one look, the newest first', async () => {
    made = await desk()
    const head = made.propose('1', { a: '2' })
    const refs = Array.from({ length: 60 }, (_, index) => `${head}:refs/pull/${index + 2}/head`)
    made.repository.git('push', '--quiet', 'origin', ...refs)
    for (let key = 2; key <= 61; key += 1) made.forge.pulls.set(String(key), 'open')
    await made.look()
    expect(made.planned).toHaveLength(20)
    await made.look()
    await made.look()
    await made.look()
    // Those beyond the fifty newest are not looked at.
    expect(made.planned).toHaveLength(50)
  })
})
