import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TOKEN, contractForge } from '../forge/contract.js'
import type { ContractForge } from '../forge/contract.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import type { Program } from './program.js'

const SECRET = 'what the forge signs with'

let fleet: TestFleet
let forge: ContractForge
let program: Program

function shop(image: string): Readonly<Record<string, string>> {
  const rollout = { on_rollback: 'revert' }
  return { [STACK]: compose({ web: { image, deploy: { replicas: 2 }, 'x-slipway': { rollout } } }) }
}

beforeAll(async () => {
  forge = await contractForge('gitea')
  fleet = await startFleet({
    name: 'e2e-pull',
    servers: 2,
    images: { 'shop/web:1': 'healthy', 'shop/web:2': 'healthy', 'shop/web:bad': 'crashing' },
  })
})

afterAll(async () => {
  await fleet?.down()
  await forge?.close()
})

/** The forge says that something was pushed. */
async function ring(): Promise<number> {
  const url = /"url":"(http:[^"]+)"/.exec(program.output)?.[1] ?? ''
  const body = JSON.stringify({ repository: { full_name: 'fleet' }, at: forge.requests })
  const signature = createHmac('sha256', SECRET).update(body).digest('hex')
  return (await fetch(url, { method: 'POST', body, headers: { 'x-gitea-signature': signature } })).status
}

/** Pushes a change as a pull request, as the forge would show it in Git. Returns its head. */
async function open(key: string, image: string): Promise<string> {
  const { repository } = fleet
  await repository.git('checkout', '-q', '-b', `change-${key}`)
  const { writeFileSync } = await import('node:fs')
  for (const [path, content] of Object.entries(shop(image))) writeFileSync(`${repository.workDir}/${path}`, content)
  await repository.git('commit', '-q', '-a', '-m', `Take ${image}`)
  await repository.git('push', '-q', 'origin', `HEAD:refs/pull/${key}/head`)
  const head = await repository.git('rev-parse', 'HEAD')
  await repository.git('checkout', '-q', 'main')
  forge.pulls.set(key, 'open')
  return head
}

async function merge(key: string): Promise<string> {
  const { repository } = fleet
  await repository.git('merge', '-q', '--no-ff', '-m', `Merge pull request #${key}`, `change-${key}`)
  await repository.git('push', '-q', 'origin', 'HEAD:main')
  forge.pulls.set(key, 'closed')
  return repository.git('rev-parse', 'HEAD')
}

const told = (sha: string): readonly string[] =>
  forge.statuses.filter((status) => status.sha === sha).map(({ state, description }) => `${state}: ${description}`)

const commentOn = (key: string): string =>
  [...forge.comments.values()].find((comment) => comment.key === key)?.body ?? ''

async function images(): Promise<readonly string[]> {
  return (await fleet.containers('web')).map(({ image }) => image).sort()
}

describe('a change of production', () => {
  it('is planned where it is reviewed, merged, rolled out, and told; a bad one is rolled back and reverted in Git', async () => {
    const first = await fleet.commit({ 'slipway.yaml': fleetFile(fleet.lab), ...shop('shop/web:1') }, 'Begin')
    const settings = {
      SLIPWAY_FORGE_TOKEN: TOKEN,
      SLIPWAY_WEBHOOK_SECRET: SECRET,
      SLIPWAY_WEBHOOK_LISTEN: '127.0.0.1:0',
    }
    const where = ['--forge', 'gitea', '--forge-url', forge.url, '--forge-project', 'acme/fleet', '--poll', '1s']
    program = fleet.runWith(settings, 'run', ...where)
    await fleet.until('the first rollout is told', () => told(first).at(-1)?.startsWith('success') === true)
    expect(told(first).at(-1)).toBe('success: rolled out: every replica is healthy')

    const head = await open('7', 'shop/web:2')
    expect(await ring()).toBe(202)
    await fleet.until('the plan is on the pull request', () => commentOn('7') !== '' && told(head).length > 1)
    expect(told(head)).toEqual(['pending: plan: planning', 'success: plan: 2 to replace'])
    expect(commentOn('7')).toContain('`image shop/web:1 → shop/web:2`')
    expect(await images()).toEqual(['shop/web:1', 'shop/web:1'])

    const merged = await merge('7')
    await fleet.until('the merge is rolled out', () => told(merged).at(-1)?.startsWith('success') === true)
    expect(await images()).toEqual(['shop/web:2', 'shop/web:2'])

    await open('8', 'shop/web:bad')
    await fleet.until('the next plan is there', () => commentOn('8') !== '')
    const bad = await merge('8')
    await fleet.until('the failure is told', () => told(bad).at(-1)?.startsWith('failure') === true)
    expect(told(bad).at(-1)).toMatch(/^failure: rolled back: .*REPLICA_CRASHED/)
    await fleet.until('the revert is in Git', async () => (await fleet.repository.head('main')) !== bad)
    const revert = (await fleet.repository.head('main')) ?? ''
    await fleet.until('the revert is in force', () => told(revert).at(-1)?.startsWith('success') === true)
    expect(await images()).toEqual(['shop/web:2', 'shop/web:2'])

    await fleet.repository.git('fetch', '-q', 'origin', 'main')
    expect(await fleet.repository.git('rev-parse', 'FETCH_HEAD^')).toBe(bad)
    expect(await fleet.repository.git('diff', '--stat', merged, 'FETCH_HEAD')).toBe('')
    const message = await fleet.repository.git('log', '-1', '--format=%B', 'FETCH_HEAD')
    expect(message).toContain(`Slipway-Reverts: ${bad}`)
    expect(message).toContain('shop/web: REPLICA_CRASHED')
    expect(message).not.toContain('no database')
    expect(forge.misuses).toEqual([])
  })
})
