import { expect, it } from 'vitest'
import type { ServiceSpec } from '../../src/model/index.js'
import { bench, image } from '../rehearse/sim.js'
import { must, never, onContainer, problemOf, runAction } from './fixtures.js'

const server = 'lon-1'
const { digest, id } = image('web:1')
const HOOKS: Partial<ServiceSpec> = { hooks: { preStop: [{ command: ['sync'] }] } }

/** What the driver calls to stop a replica that runs. */
async function callsOfStop(spec: Partial<ServiceSpec>, isListed: boolean): Promise<readonly string[]> {
  const { driver, within, calls } = bench()
  const pull = { kind: 'pull', server, stack: 'shop', image: 'web:1', policy: 'missing' } as const
  must(await within(driver.perform(pull, never)))
  const run = runAction(server, { image: 'web:1', ...spec }, { digest, id })
  const { containerId = '' } = must(await within(driver.perform(run, never)))
  if (isListed) must(await within(driver.observe(server, [], never)))
  calls.length = 0
  must(await within(driver.perform({ ...onContainer('remove', server, containerId), kind: 'stop', graceMs: 0 }, never)))
  return calls.map((call) => call.replace(containerId, 'it').replace(/^(\w+ \/exec\/)[^/]+/, '$1that'))
}

it('of a replica that was listed without any costs no call', async () => {
  expect(await callsOfStop({}, true)).toEqual(['POST /containers/it/stop'])
})

it('are looked for in a replica that no list has shown yet', async () => {
  expect(await callsOfStop({}, false)).toEqual(['GET /containers/it/json', 'POST /containers/it/stop'])
})

it.each([true, false])('are run before the stop, whether it was listed (%s) or not', async (isListed) => {
  expect(await callsOfStop(HOOKS, isListed)).toEqual([
    'GET /containers/it/json',
    'POST /containers/it/exec',
    'POST /exec/that/start',
    'GET /exec/that/json',
    'POST /containers/it/stop',
  ])
})

/** A replica with two post_start commands, made where every command says 0, or 1. */
async function withPostStart(isWell: boolean) {
  const stage = bench()
  const { driver, within, calls, behaviours } = stage
  if (!isWell) behaviours.set('web:1', { readyAfterMs: null })
  must(await within(driver.perform({ kind: 'pull', server, stack: 'shop', image: 'web:1', policy: 'missing' }, never)))
  const hooks = { postStart: [{ command: ['one'] }, { command: ['two'] }] }
  const made = await within(driver.perform(runAction(server, { image: 'web:1', hooks }, { digest, id }), never))
  const states = must(await within(driver.observe(server, [], never))).replicas.map(({ state }) => state)
  return { ...stage, made, states, hooks: calls.filter((call) => call.startsWith('POST /exec/')).length }
}

it('that come after the start make the replica, all of them', async () => {
  const { made, states, hooks } = await withPostStart(true)
  expect([made.ok, states, hooks]).toEqual([true, ['running'], 2])
})

it('that fail after the start take the replica away again, and none comes after the first that fails', async () => {
  const { made, states, hooks } = await withPostStart(false)
  expect([problemOf(made).code, states, hooks]).toEqual(['HOOK_FAILED', [], 1])
})

it('that fail after a replica was started again stop it again', async () => {
  const { driver, within, behaviours, made } = await withPostStart(true)
  const { containerId = '' } = must(made)
  const start = onContainer('start', server, containerId)
  must(await within(driver.perform({ ...start, kind: 'stop', graceMs: 0 }, never)))
  behaviours.set('web:1', { readyAfterMs: null })
  expect(problemOf(await within(driver.perform(start, never))).code).toBe('HOOK_FAILED')
  const { replicas } = must(await within(driver.observe(server, [], never)))
  expect(replicas.map(({ state }) => state)).toEqual(['exited'])
})
