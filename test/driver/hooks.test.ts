import { expect, it } from 'vitest'
import type { ServiceSpec } from '../../src/model/index.js'
import { bench, image } from '../rehearse/sim.js'
import { must, never, onContainer, runAction } from './fixtures.js'

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
