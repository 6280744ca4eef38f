import { createHash } from 'node:crypto'
import { STEADY } from '../../../src/rehearse/index.js'
import type { Behaviour, EngineVersion, Starting } from '../../../src/rehearse/index.js'
import { bench } from '../sim.js'
import { IMAGES, imageOf } from './calls.js'
import type { Names } from './calls.js'
import { eventsOf } from './events.js'
import { play } from './play.js'
import type { Transcript } from './play.js'
import type { Script } from './scripts.js'

/** How the images of the contract behave, in the simulator's words; `containers` says the same in shell. */
const BEHAVIOURS: Readonly<Record<(typeof IMAGES)[number], Partial<Behaviour>>> = {
  steady: {},
  stubborn: { stopsAfterMs: null },
  quits: { ends: { afterMs: 20, exitCode: 0, isOom: false } },
  fails: { ends: { afterMs: 20, exitCode: 3, isOom: false } },
  heals: { readyAfterMs: 2_500 },
  slow: { stopsAfterMs: 500 },
  hungry: { takes: { bytes: 40e6, afterMs: 100 }, readyAfterMs: 200 },
}

export const COMMANDS: Readonly<Record<(typeof IMAGES)[number], readonly string[]>> = {
  steady: ['sh', '-c', "trap 'exit 0' TERM; sleep 1000 & wait"],
  stubborn: ['sleep', '1000'],
  quits: ['true'],
  fails: ['sh', '-c', 'exit 3'],
  slow: ['sh', '-c', "trap 'sleep 0.5; exit 0' TERM; sleep 1000 & wait"],
  hungry: [
    'sh',
    '-c',
    `trap 'exit 0' TERM; x=$(head -c 40000000 /dev/zero | tr '\\0' x); touch /marked; sleep 1000 & wait`,
  ],
  heals: ['sh', '-c', "trap 'exit 0' TERM; (sleep 2.5; touch /marked) & sleep 1000 & wait"],
}

export const API: Readonly<Record<EngineVersion, string>> = { '20.10': 'v1.41', '26.1': 'v1.45' }

/** Plays a script on a simulated engine of its own. */
export async function playSimulated(script: Script, version: EngineVersion, names: Names): Promise<Transcript> {
  const world = bench({
    version,
    registry: () => ({ kind: 'refused', status: 404, message: 'manifest unknown' }),
    behaviour: (starting) => behaviourOf(starting, world.engine),
  })
  for (const name of IMAGES) {
    const id = `sha256:${createHash('sha256').update(name).digest('hex')}`
    world.engine.load(imageOf(name), { id, digest: null, bytes: 1e6, config: { Cmd: COMMANDS[name] } })
  }
  const { clock, engine, events } = world
  const stage = {
    client: engine.way('s').client(API[version]),
    pause: (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve)),
    nowMs: () => clock.nowMs(),
    trapped: () => Promise.resolve(),
  }
  const lines = await world.within(play(script, names, stage))
  await clock.run(5_000)
  const told = events.map(({ type, action, id, attributes }) => ({
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
  }))
  return [...lines, ...eventsOf(names.prefix, told)]
}

function behaviourOf({ id, image }: Starting, engine: ReturnType<typeof bench>['engine']): Behaviour {
  const container = engine.machine.containers.get(id)
  const test = JSON.stringify(container?.healthcheck?.['Test'] ?? [])
  const check: Partial<Behaviour> = test.includes('false')
    ? { readyAfterMs: null }
    : test.includes('sleep')
      ? { checkMs: null }
      : {}
  const command = JSON.stringify(container?.config['Cmd'])
  const startError = command.includes('/nowhere') ? 'exec: "/nowhere": stat /nowhere: no such file or directory' : null
  const named = IMAGES.find((name) => imageOf(name) === image) ?? 'steady'
  return { ...STEADY, ...BEHAVIOURS[named], ...check, startError }
}
