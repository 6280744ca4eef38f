import { afterAll, beforeAll, expect, it } from 'vitest'
import { LABELS, formatSlot } from '../../src/model/index.js'
import { dockerOn } from '../lab/index.js'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import { expectUntouched } from './runs.js'

let fleet: TestFleet

const stack = (image: string, colour: string): string =>
  compose({
    web: { image, deploy: { replicas: 3 } },
    api: {
      image: 'shop/web:1',
      environment: { COLOUR: colour },
      deploy: { replicas: 2, update_config: { order: 'stop-first' } },
    },
    idle: { image: 'shop/web:1' },
  })

beforeAll(async () => {
  fleet = await startFleet({
    name: 'e2e-rehearse',
    servers: 2,
    images: { 'shop/web:1': 'healthy', 'shop/web:2': 'healthy' },
  })
  await fleet.commit({ 'slipway.yaml': fleetFile(fleet.lab), [STACK]: stack('shop/web:1', 'red') }, 'The shop opens')
  expect(await fleet.cli('apply')).toMatchObject({ code: 0 })
})

afterAll(() => fleet?.down())

interface Rehearsed {
  readonly rehearsals: readonly {
    readonly outcome: { readonly kind: string }
    readonly timeline: readonly {
      readonly kind: string
      readonly slot: string | null
      readonly server: string | null
    }[]
    readonly services: readonly { readonly service: string; readonly lowest: number; readonly after: number }[]
  }[]
}

async function rehearse(...args: readonly string[]): Promise<Rehearsed['rehearsals'][number]> {
  const { code, stdout, stderr } = await fleet.cli('rehearse', '--format', 'json', '--healthy-after', '1s', ...args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const [first] = (JSON.parse(stdout) as Rehearsed).rehearsals
  if (first === undefined) throw new Error(`nothing was rehearsed: ${stdout}`)
  return first
}

const KINDS: Readonly<Record<string, string>> = { start: 'start', stop: 'stop', destroy: 'remove' }

/** What the engines tell while something is done, in order of their one clock: `start shop/web#1 on lon-1`. */
async function told(work: () => Promise<void>): Promise<readonly string[]> {
  const since = Math.floor(Date.now() / 1000)
  await work()
  const until = Math.ceil(Date.now() / 1000) + 1
  const filters = JSON.stringify({ type: ['container'], event: Object.keys(KINDS), label: [LABELS.fleet] })
  const all = await Promise.all(
    fleet.lab.servers.map(async (server) => {
      const stream = await dockerOn(server).getEvents({ since, until, filters })
      let text = ''
      for await (const chunk of stream) text += String(chunk)
      const events = text.split('\n').filter((line) => line !== '')
      return events.map((line) => ({ server: server.name, ...(JSON.parse(line) as Told) }))
    }),
  )
  const sorted = all.flat().sort((a, b) => a.timeNano - b.timeNano)
  return sorted.map(({ server, Action, Actor: { Attributes: labels } }) => {
    const slot = {
      stack: labels[LABELS.stack] ?? '',
      service: labels[LABELS.service] ?? '',
      key: labels[LABELS.slot] ?? '',
    }
    return `${KINDS[Action]} ${formatSlot(slot)} on ${server}`
  })
}

interface Told {
  readonly Action: string
  readonly timeNano: number
  readonly Actor: { readonly Attributes: Readonly<Record<string, string>> }
}

/** Services roll beside each other, so only the order within each is the plan's. */
function byService(lines: readonly string[], service: string): readonly string[] {
  return lines.filter((line) => line.includes(` shop/${service}#`))
}

it('rehearses a rollout without touching anything, and apply then follows the same order', async () => {
  await fleet.commit({ [STACK]: stack('shop/web:2', 'blue') }, 'New web, blue api')
  let rehearsed: Awaited<ReturnType<typeof rehearse>> | undefined
  await expectUntouched(fleet, async () => void (rehearsed = await rehearse()))
  const planned = (rehearsed?.timeline ?? [])
    .filter(({ kind }) => Object.values(KINDS).includes(kind))
    .map(({ kind, slot, server }) => `${kind} ${slot} on ${server}`)
  const real = await told(async () => expect(await fleet.cli('apply')).toMatchObject({ code: 0 }))
  expect(byService(planned, 'web')).toHaveLength(9)
  expect(byService(planned, 'api')).toHaveLength(6)
  for (const service of ['web', 'api', 'idle']) expect(byService(planned, service)).toEqual(byService(real, service))
  expect(rehearsed?.services).toMatchObject([
    { service: 'shop/api', lowest: 1, after: 2 },
    { service: 'shop/idle', lowest: 1, after: 1 },
    { service: 'shop/web', lowest: 3, after: 3 },
  ])
})

it('sees the servers through the running controller', async () => {
  const controller = fleet.run('run')
  await fleet.until('the controller answers', async () => (await fleet.cli('status')).code === 0)
  const { outcome, timeline, services } = await rehearse()
  expect({ outcome: outcome.kind, timeline }).toEqual({ outcome: 'applied', timeline: [] })
  expect(services.find(({ service }) => service === 'shop/web')).toMatchObject({ lowest: 3, after: 3 })
  await controller.kill('SIGTERM')
})
