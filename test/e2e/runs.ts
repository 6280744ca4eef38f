import { expect } from 'vitest'
import type { Engines } from './engines.js'
import type { TestFleet } from './harness.js'
import { mutating } from './server-logs.js'

/** One run of one container, from its engine: another id is another container, another start another run of the same one. */
export interface Run {
  readonly slot: string
  readonly server: string
  readonly id: string
  readonly spec: string
  readonly startedAt: string
  readonly state: string
  readonly health: string
}

/** Everything of the fleet (of one service) on the engines that were named, or on all; sorted by slot. */
export async function runsOf(engines: Engines, service?: string): Promise<readonly Run[]> {
  const seen = await engines.containers(service)
  const runs = seen.map(async ({ slot, server, id, spec, health }) => {
    const { State } = await engines.client(server).getContainer(id).inspect()
    return { slot, server, id, spec, startedAt: State.StartedAt, state: State.Status, health }
  })
  return Promise.all(runs)
}

/** What must not change where nothing may be touched: which container, and since when it runs. */
export function lives(runs: readonly Run[]): readonly string[] {
  return runs.map(({ slot, server, id, startedAt }) => `${slot} on ${server}: ${id.slice(0, 12)} since ${startedAt}`)
}

/** What must not change where a replica may be started again or replaced: which slot, where, with which spec. */
export function places(runs: readonly Run[]): readonly string[] {
  return runs.map(({ slot, server, spec, state }) => `${slot} on ${server}: ${spec.slice(0, 12)} ${state}`)
}

/** Fails unless all of it passes without one call that may change a server, and without a container that was started again. */
export async function expectUntouched(fleet: TestFleet, work: () => Promise<void>): Promise<void> {
  const before = lives(await runsOf(fleet.engines))
  const traffic = fleet.watchTraffic()
  await work()
  expect(lives(await runsOf(fleet.engines))).toEqual(before)
  expect(mutating(traffic.read())).toEqual([])
}
