import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DRIVER_LIMITS } from '../../../src/driver/index.js'
import { eachLine } from '../../../src/driver/events.js'
import { localRoute } from '../../../src/driver/local-route.js'
import { httpWay } from '../../../src/driver/way.js'
import type { EngineVersion } from '../../../src/rehearse/index.js'
import { clock } from '../../driver/fixtures.js'
import { startLab } from '../../lab/index.js'
import type { Lab, LabServer } from '../../lab/index.js'
import { IMAGES, imageOf } from '../contract/calls.js'
import type { Names } from '../contract/calls.js'
import { eventsOf } from '../contract/events.js'
import type { Told } from '../contract/events.js'
import { generate } from '../contract/generate.js'
import { play } from '../contract/play.js'
import { SCRIPTS } from '../contract/scripts.js'
import type { Script } from '../contract/scripts.js'
import { API, COMMANDS, playSimulated } from '../contract/stages.js'

/** `SLIPWAY_CONTRACT=seed:count` for other scripts, and more of them. */
const [seed = 1, count = 110] = (process.env['SLIPWAY_CONTRACT'] ?? '').split(':').filter(Boolean).map(Number)
const AT_ONCE = 10
const SIGTERM = 15n

const ENGINES: readonly (readonly [version: EngineVersion, server: string])[] = [
  ['20.10', 'old'],
  ['26.1', 'new'],
]

let lab: Lab

beforeAll(async () => {
  const servers = [
    { name: 'old', engine: 'old' },
    { name: 'new', engine: 'modern' },
  ] as const
  lab = await startLab({ name: 'contract', servers })
  for (const name of IMAGES) await lab.load(await lab.image(imageOf(name), { cmd: COMMANDS[name] }))
  const played = ENGINES.map(
    async ([version, name]) => void real.set(version, await playReal(lab.server(name), version)),
  )
  await Promise.all(played)
}, 600_000)

afterAll(async () => {
  await lab?.down()
})

const scripts = [...SCRIPTS, ...generate(seed, count)]
const namesOf = (index: number): Names => ({ prefix: `s${index}`, port: 20_000 + index * 10 })

async function playReal(server: LabServer, version: EngineVersion): Promise<readonly (readonly string[])[]> {
  const route = localRoute(server.name, server.socketPath, 10_000)
  const way = httpWay({ server: server.name, route, clock, errorBytes: DRIVER_LIMITS.errorBytes })
  const client = way.client(API[version])
  const stage = {
    client,
    pause: (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms)),
    nowMs: () => Date.now(),
    trapped: (pid: number) => trapped(server, pid),
  }
  const told: Told[] = []
  const signal = new AbortController().signal
  const opened = await client.open({ method: 'GET', path: '/events', deadlineMs: 10_000, maxBytes: 1e9 }, signal)
  if (!opened.ok) throw new Error('the events cannot be followed')
  void eachLine(opened.value.response, 1e6, (line) => void told.push(JSON.parse(line) as Told))
  const transcripts: (readonly string[])[] = []
  const playAll = async (indexes: readonly number[], atOnce: number): Promise<void> => {
    const left = [...indexes]
    const worker = async (): Promise<void> => {
      for (let index = left.shift(); index !== undefined; index = left.shift()) {
        transcripts[index] = await play(scripts[index] as Script, namesOf(index), stage)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
  }
  // Calls at the same time meet only on an engine that has nothing else to do.
  const isCrowded = (index: number): boolean => scripts[index]?.text.includes('&') === true
  const indexes = scripts.map((_script, index) => index)
  await playAll(
    indexes.filter((index) => !isCrowded(index)),
    AT_ONCE,
  )
  await playAll(indexes.filter(isCrowded), 1)
  await stage.pause(2_000)
  opened.value.close()
  await way.close()
  return transcripts.map((lines, index) => [...lines, ...eventsOf(namesOf(index).prefix, told)])
}

/** Asks the kernel whether a process of a server catches SIGTERM, until it does or has ended. */
async function trapped(server: LabServer, pid: number): Promise<void> {
  for (;;) {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(statusOf(server, pid))?.[1]
    if (caught === undefined || ((BigInt(`0x${caught}`) >> (SIGTERM - 1n)) & 1n) === 1n) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Empty when the process has ended. */
function statusOf(server: LabServer, pid: number): string {
  try {
    return readFileSync(`/proc/${server.keeper.pid}/root/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}

const real = new Map<EngineVersion, readonly (readonly string[])[]>()

describe.each(ENGINES)('engine %s', (version) => {
  it.each(scripts.map((script, index) => [script.title, index] as const))(
    'is played well: %s',
    async (_title, index) => {
      const script = scripts[index] as Script
      const simulated = await playSimulated(script, version, namesOf(index))
      expect(simulated, script.text).toEqual(real.get(version)?.[index])
    },
  )
})
