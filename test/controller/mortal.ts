import { Controller } from '../../src/controller/index.js'
import type { Clock, ControllerOptions, Driver, Journal } from '../../src/controller/index.js'
import type { Action, ActionResult, Result } from '../../src/model/index.js'
import type { World } from './world.js'

/** A controller that can be killed: from then on nothing it does has an effect, as with a process. */
export interface Life {
  alive: boolean
}

export const never = <T>(): Promise<T> => new Promise<T>(() => undefined)

export type Perform = (action: Action) => Promise<Result<ActionResult>>

export function mortalClock(clock: Clock, life: Life): Clock {
  return { nowMs: () => clock.nowMs(), after: (ms, fn) => clock.after(ms, () => (life.alive ? fn() : undefined)) }
}

export function mortalJournal(journal: Journal, life: Life): Journal {
  return {
    ...journal,
    append: (facts) => (life.alive ? journal.append(facts) : undefined),
    intend: (intents) => (life.alive ? journal.intend(intents) : undefined),
    settle: (outcomes) => (life.alive ? journal.settle(outcomes) : undefined),
    snapshot: (state, hashes) => (life.alive ? journal.snapshot(state, hashes) : undefined),
    putInventory: (inventory) => (life.alive ? journal.putInventory(inventory) : undefined),
  }
}

export function mortalDriver(world: World, life: Life, perform: Perform): Driver {
  const { driver } = world
  return {
    use: (fleet, servers) => driver.use(fleet, servers),
    onHint: (listener) => driver.onHint((server) => (life.alive ? listener(server) : undefined)),
    observe: (server, closer) => (life.alive ? driver.observe(server, closer) : never()),
    ask: (server, question) => (life.alive ? driver.ask(server, question) : never()),
    diagnose: () => (life.alive ? driver.diagnose() : never()),
    logs: () => driver.logs(),
    close: () => driver.close(),
    perform: (action) => (life.alive ? perform(action) : never()),
  }
}

export function bootMortal(
  world: World,
  life: Life,
  perform: Perform,
  options: Partial<ControllerOptions> = {},
  journal = world.journal,
): Controller {
  const ports = {
    clock: mortalClock(world.clock, life),
    driver: mortalDriver(world, life, perform),
    source: world.source,
    journal: mortalJournal(journal, life),
    log: () => undefined,
  }
  const controller = new Controller(ports, options)
  controller.start()
  return controller
}
