import type { Controller } from '../../src/controller/index.js'
import { FLEET, compose, createWorld } from './world.js'
import type { ServiceText, World } from './world.js'

export const PATH = 'stacks/shop/compose.yaml'

export const SHOP: Readonly<Record<string, ServiceText>> = {
  web: { image: 'web:1', replicas: 3 },
  api: { image: 'api:1', replicas: 2 },
}

export interface Deployed {
  readonly world: World
  readonly controller: Controller
}

/** A shop that runs: three replicas of web, two of api, on three servers. */
export async function deployed(services = SHOP, fleet = FLEET): Promise<Deployed> {
  const world = createWorld()
  world.source.commit({ 'slipway.yaml': fleet, [PATH]: compose(services) }, 'first')
  const controller = world.boot()
  await world.clock.run(30_000)
  return { world, controller }
}

/** `service#slot image` of everything that runs, sorted. */
export function running(world: World): string[] {
  return [...world.driver.containers.values()]
    .filter(
      ({ replica, image }) => replica.state === 'running' && world.driver.behaviours.get(image)?.exits === undefined,
    )
    .map(({ image, replica }) => `${replica.slot.service}#${replica.slot.key} ${image}`)
    .sort()
}

export function serversOf(world: World, service: string): string[] {
  return [...world.driver.containers.values()]
    .filter(({ replica }) => replica.slot.service === service && replica.state === 'running')
    .map(({ replica }) => replica.server)
    .sort()
}

export const ALL = ['api#1 api:1', 'api#2 api:1', 'web#1 web:1', 'web#2 web:1', 'web#3 web:1']
