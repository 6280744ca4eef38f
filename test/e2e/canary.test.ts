import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROXY_IMAGE, startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import type { Program } from './program.js'
import { Traffic, get } from './traffic.js'
import type { Seen } from './traffic.js'

let fleet: TestFleet
let program: Program

const PORT = 8081
const MATCH = { headers: { 'x-canary': 'yes' } }

function shop(image: string, rollout: Readonly<Record<string, unknown>> = {}): string {
  const ports = [{ target: 8080, published: PORT, app_protocol: 'http' }]
  return compose({
    web: { image, ports, deploy: { replicas: 2 }, 'x-slipway': { rollout: { drain: '2s', ...rollout } } },
  })
}

const canary = (...steps: readonly string[]) => ({
  strategy: 'canary',
  steps,
  match: { header: 'X-Canary', value: 'yes' },
})

const urls = (): readonly string[] => fleet.lab.servers.map(({ address }) => `http://${address}:${PORT}/`)

/** What clients of all servers see in so many requests. */
async function sample(count: number): Promise<Seen> {
  const traffic = new Traffic(urls())
  await fleet.until('enough was asked', () => traffic.asked() >= count)
  return traffic.end()
}

/** Of what was answered, the part that a version answered. */
function partOf(image: string, { bodies }: Seen): number {
  const all = [...bodies.values()].reduce((sum, count) => sum + count, 0)
  return (bodies.get(image) ?? 0) / all
}

/** Each server's answer to who asks as a tester. */
async function testersSee(): Promise<ReadonlySet<string>> {
  const answers = await Promise.all([...urls(), ...urls(), ...urls()].map((url) => get(url, undefined, MATCH)))
  return new Set(answers.map(({ body }) => body))
}

async function allSee(image: string): Promise<boolean> {
  const answers = await Promise.all([...urls(), ...urls(), ...urls()].map((url) => get(url)))
  return answers.every(({ body }) => body === image)
}

async function imagesOf(): Promise<readonly string[]> {
  return (await fleet.containers('web'))
    .filter(({ state }) => state === 'running')
    .map(({ image }) => image)
    .sort()
}

beforeAll(async () => {
  fleet = await startFleet({
    name: 'e2e-canary',
    servers: 2,
    proxy: true,
    images: {
      'shop/web:1': 'healthy',
      'shop/web:2': 'healthy',
      'shop/web:3': 'healthy',
      'shop/web:4': 'healthy',
      'shop/web:bad': 'wrong',
    },
  })
  await fleet.commit(
    {
      'slipway.yaml': fleetFile(fleet.lab, { ingress: { image: PROXY_IMAGE } }),
      [STACK]: shop('shop/web:1', canary('20%')),
    },
    'The shop opens',
  )
  program = fleet.run('run')
  await fleet.until('each server answers', () => allSee('shop/web:1'))
  await fleet.until('nothing is under way', async () => (await fleet.cli('status')).code === 0)
})

afterAll(() => fleet?.down())

describe('a canary', () => {
  it('gets its share and its testers, whoever dies meanwhile, and all when a person promotes it', async () => {
    const clients = new Traffic(urls())
    const sha = await fleet.commit({ [STACK]: shop('shop/web:2', canary('20%')) }, 'Second')
    await fleet.until('testers see it', async () => (await testersSee()).has('shop/web:2'))
    await fleet.until('all of them do', async () => (await testersSee()).size === 1)
    await program.kill('SIGKILL')
    const seen = await sample(600)
    expect(partOf('shop/web:2', seen)).toBeGreaterThan(0.15)
    expect(partOf('shop/web:2', seen)).toBeLessThan(0.25)
    expect(await imagesOf()).toEqual(['shop/web:1', 'shop/web:1', 'shop/web:2'])
    fleet.boot()
    await fleet.until('it waits for a person', () => JSON.stringify(fleet.stack()).includes('promote'))
    fleet.controller.command({ kind: 'promote', scope: 'shop', to: 'end', by: 'ada' })
    await fleet.settle(sha)
    expect(await allSee('shop/web:2')).toBe(true)
    expect(await imagesOf()).toEqual(['shop/web:2', 'shop/web:2'])
    expect((await clients.end()).failures).toEqual([])
  })

  it('is taken back when it answers worse than the old ones, and nobody else notices', async () => {
    const clients = new Traffic(urls())
    await fleet.deploy({ [STACK]: shop('shop/web:bad', canary('20% 10m')) }, 'Bad', 'rolled-back')
    expect(fleet.stack().sentence).toMatch(/requests to the new replicas failed/)
    expect(await allSee('shop/web:2')).toBe(true)
    const { failures, requests } = await clients.end()
    expect(failures.filter((failure) => !failure.endsWith(': 500 wrong'))).toEqual([])
    expect(failures.length).toBeGreaterThan(0)
    expect(failures.length).toBeLessThan(requests * 0.25)
    expect(await imagesOf()).toEqual(['shop/web:2', 'shop/web:2'])
  })
})

describe('a canary with checks', () => {
  it('waits while nobody answers, and goes back when Prometheus says no, whatever the page says', async () => {
    const clients = new Traffic(urls())
    const asked = new Set<string>()
    let value = 'NaN'
    const oracle = createServer(({ url = '' }, response) => {
      asked.add(url)
      const result = [{ metric: {}, value: [Date.now() / 1_000, value] }]
      response.end(JSON.stringify({ status: 'success', data: { resultType: 'vector', result } }))
    })
    await new Promise<void>((resolve) => void oracle.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(oracle.address() as AddressInfo).port}`
    const checks = [
      { name: 'page', http: { url: `${url}/ready` }, interval: '1s' },
      { name: 'errors', prometheus: { url, query: 'errors', max: 1 }, interval: '1s' },
    ]
    const rollout = { ...canary('20% 1s', '60% 10m'), limits: { requests: 0 }, checks }
    const sha = await fleet.commit({ [STACK]: shop('shop/web:4', rollout) }, 'Checked')
    await fleet.until('it waits', () => JSON.stringify(fleet.stack()).includes('errors gives no answer'))
    value = '0.5'
    await fleet.until('it goes on', () => fleet.stack().services[0]?.stage?.step === 2)
    value = '7'
    await fleet.settle(sha, 'rolled-back')
    oracle.close()
    expect(fleet.stack().sentence).toMatch(/check errors said no 2 times in a row: 7 is more than 1/)
    expect([...asked].sort()).toEqual(['/api/v1/query?query=errors', '/ready'])
    expect(await allSee('shop/web:2')).toBe(true)
    expect((await clients.end()).failures).toEqual([])
  })
})

describe('a blue-green update', () => {
  it('switches at once, and back at once when a person aborts it', async () => {
    const clients = new Traffic(urls())
    const sha = await fleet.commit({ [STACK]: shop('shop/web:3', { strategy: 'blue-green', keep: '10m' }) }, 'Third')
    await fleet.until('it has switched', () => allSee('shop/web:3'))
    expect(await imagesOf()).toEqual(['shop/web:2', 'shop/web:2', 'shop/web:3', 'shop/web:3'])
    fleet.controller.command({ kind: 'abort', stack: 'shop', by: 'ada' })
    await fleet.until('it is back', () => allSee('shop/web:2'))
    await fleet.settle(sha, 'rolled-back')
    expect(await imagesOf()).toEqual(['shop/web:2', 'shop/web:2'])
    expect((await clients.end()).failures).toEqual([])
  })
})
