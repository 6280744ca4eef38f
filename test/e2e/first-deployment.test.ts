import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { sampleFiles } from './manifests.js'
import { mutating } from './server-logs.js'

let fleet: TestFleet
let sha: string

beforeAll(async () => {
  // The names of the sample's own servers: it is deployed as people find it.
  fleet = await startFleet({
    name: 'e2e-first',
    servers: ['lon-1', 'lon-2', 'par-1'].map((name) => ({ name })),
    proxy: true,
  })
})

afterAll(() => fleet?.down())

describe('the first deployment of the sample fleet', () => {
  it('brings every service to healthy on the servers that its constraints name', async () => {
    sha = await fleet.commit(sampleFiles(fleet.lab), 'The shop opens')
    fleet.boot()
    await fleet.settle(sha)
    const containers = await fleet.containers()
    expect(containers.map(({ slot, state, health }) => `${slot} ${state} ${health}`)).toEqual([
      'api#1 running healthy',
      'api#2 running healthy',
      'migrate#1 exited none',
      'proxy#lon-1 running healthy',
      'proxy#lon-2 running healthy',
      'proxy#par-1 running healthy',
      'store#1 running healthy',
      'web#1 running healthy',
      'web#2 running healthy',
      'web#3 running healthy',
      'web#4 running healthy',
      'worker#1 running healthy',
    ])
    expect(new Set(containers.map(({ revision }) => revision))).toEqual(new Set([sha]))
    expect(containers.find(({ service }) => service === 'store')?.server).toBe('lon-1')
    const zones = containers.filter(({ service }) => service === 'web').map(({ server }) => server)
    expect(new Set(zones)).toEqual(new Set(['lon-1', 'lon-2', 'par-1']))
  })

  it('is followed by ticks that list each server once, change nothing and open no connection', async () => {
    const before = await fleet.containers()
    const { requests } = fleet.lab.git
    const asked = requests.refs + requests.packs
    const traffic = fleet.watchTraffic()
    fleet.controller.command({ kind: 'sync', by: 'test' })
    const looks = (): readonly string[] => traffic.read().calls.map(({ server }) => server)
    await fleet.until('two looks at each server and at Git', () => {
      const isLooked = fleet.lab.servers.every(({ name }) => looks().filter((server) => server === name).length >= 2)
      return isLooked && requests.refs + requests.packs >= asked + 2
    })
    const { calls, logins } = traffic.read()
    // A proxy that was told nothing for a while is asked whether it still has its table.
    const own = calls.filter(({ method, path }) => method !== 'HEAD' || !path.includes('/archive?'))
    expect(new Set(own.map(({ method, path }) => `${method} ${path.replace(/^\/v[0-9.]+/, '')}`))).toEqual(
      new Set(['GET /containers/json?all=1']),
    )
    expect(mutating({ calls, logins })).toEqual([])
    expect(logins).toEqual([])
    expect(await fleet.containers()).toEqual(before)
  })

  it('is taken over by the next controller, which logs in once a server and changes nothing', async () => {
    const before = await fleet.containers()
    await fleet.halt()
    const traffic = fleet.watchTraffic()
    fleet.boot()
    await fleet.settle(sha)
    // A proxy is asked by a command in its container what it has.
    const isQuestion = (call: string): boolean => /POST \S+\/(containers\/\w+\/exec|exec\/\w+\/start)/.test(call)
    await fleet.until('a second look at each server', () => {
      const lists = traffic.read().calls.filter(({ path }) => path.includes('/containers/json'))
      return fleet.lab.servers.every(({ name }) => lists.filter(({ server }) => server === name).length >= 2)
    })
    expect(mutating(traffic.read()).filter((call) => !isQuestion(call))).toEqual([])
    expect([...traffic.read().logins].sort()).toEqual(['lon-1', 'lon-2', 'par-1'])
    expect(await fleet.containers()).toEqual(before)
  })
})
