import type { BenchLab, Listed } from './bench-lab.js'
import { sampleOf } from './figures.js'
import type { Figure } from './figures.js'
import { Floor, create } from './floor.js'
import type { FloorReplica } from './floor.js'
import { eachEvent, sendJson } from './raw-server.js'
import type { RawServer } from './raw-server.js'
import { REPLICAS } from './workload.js'
import type { Version } from './workload.js'

/** What is done to a container by hand: it stays and is started again, or it is gone and another takes its place. */
type Loss = 'killed' | 'removed'

const DEADLINE_MS = 30_000

/** From the moment a container is lost by hand until its engine says that another has started. */
export async function measureHealing(
  bench: BenchLab,
  runs: number,
  say: (line: string) => void,
): Promise<readonly Figure[]> {
  // A slot that is healed twice within ten minutes waits before the second time: each run takes another one.
  if (runs > REPLICAS) throw new Error(`at most ${REPLICAS} runs`)
  const starts = await Starts.on(bench)
  try {
    say('healing by Slipway')
    const slipway = await slipwayTimes(bench, starts, runs)
    say('healing by the floor')
    const floor = await floorTimes(bench, starts, runs)
    return (['killed', 'removed'] as const).map((loss) => ({
      group: 'heal',
      what: loss === 'killed' ? 'container killed, started again' : 'container removed, replaced',
      unit: 'ms',
      slipway: sampleOf(slipway[loss]),
      floor: sampleOf(floor[loss]),
      floorIs: loss === 'killed' ? 'event, start' : 'event, create, start',
      target: 1.5,
    }))
  } finally {
    starts.close()
  }
}

type LossTimes = Readonly<Record<Loss, readonly number[]>>

async function slipwayTimes(bench: BenchLab, starts: Starts, runs: number): Promise<LossTimes> {
  const version: Version = { gate: 'probe', stack: 'heal', text: bench.freshText(), parallelism: 1 }
  const slipway = await bench.slipway()
  try {
    await bench.commit(version.stack, version)
    await slipway.rollOut(version.stack)
    const measure = async (loss: Loss, run: number): Promise<number> => {
      await slipway.quiet()
      const victims = await bench.containers(version.stack)
      const victim = victims.find(({ Labels }) => Labels['com.docker.compose.container-number'] === String(run))
      if (victim === undefined) throw new Error(`no replica ${run}`)
      return lose(bench, starts, victim, loss)
    }
    const times = { killed: await repeat(runs, 'killed', measure), removed: await repeat(runs, 'removed', measure) }
    await slipway.quiet()
    await bench.commit(version.stack, null)
    await slipway.rollOut(version.stack)
    await slipway.quiet()
    return times
  } finally {
    await slipway.stop()
  }
}

async function floorTimes(bench: BenchLab, starts: Starts, runs: number): Promise<LossTimes> {
  const version: Version = { gate: 'probe', stack: 'heal-floor', text: bench.freshText(), parallelism: 1 }
  const floor = await Floor.on(bench.raw)
  const replicas = [...(await floor.deploy(version))]
  const waiting = new Map<string, () => void>()
  const listen = (server: RawServer): Promise<void> =>
    server.events(['die', 'destroy'], ({ Action, id }) => waiting.get(`${Action} ${id}`)?.())
  await Promise.all(bench.raw.map(listen))
  const measure = async (loss: Loss, run: number): Promise<number> => {
    const replica = replicas[run - 1]
    if (replica === undefined) throw new Error(`no replica ${run}`)
    const back = new Promise<FloorReplica>((resolve, reject) => {
      const mend = loss === 'killed' ? (): Promise<FloorReplica> => again(replica) : () => anew(replica, version)
      waiting.set(`${loss === 'killed' ? 'die' : 'destroy'} ${replica.id}`, () => void mend().then(resolve, reject))
    })
    const { server, id } = replica
    const ms = await lose(bench, starts, { server: server.name, Id: id }, loss)
    replicas[run - 1] = await back
    return ms
  }
  const times = { killed: await repeat(runs, 'killed', measure), removed: await repeat(runs, 'removed', measure) }
  await floor.clear(replicas, version.stack)
  return times
}

async function again(replica: FloorReplica): Promise<FloorReplica> {
  await replica.server.call('POST', `/containers/${replica.id}/start`)
  return replica
}

async function anew({ server, slot }: FloorReplica, version: Version): Promise<FloorReplica> {
  const id = await create(server, version, slot)
  await server.call('POST', `/containers/${id}/start`)
  return { server, slot, id }
}

async function repeat(
  runs: number,
  loss: Loss,
  measure: (loss: Loss, run: number) => Promise<number>,
): Promise<readonly number[]> {
  const times: number[] = []
  for (let run = 1; run <= runs; run += 1) times.push(await measure(loss, run))
  return times
}

async function lose(
  bench: BenchLab,
  starts: Starts,
  victim: Pick<Listed, 'server' | 'Id'>,
  loss: Loss,
): Promise<number> {
  const started = starts.next(victim.server)
  const beganMs = performance.now()
  const path = `/containers/${victim.Id}`
  const server = bench.server(victim.server)
  const lost = loss === 'killed' ? server.call('POST', `${path}/kill`) : server.call('DELETE', `${path}?force=1`)
  await lost
  return (await started) - beganMs
}

/** Hears each start of a container from its engine's own socket. */
class Starts {
  private readonly waiting = new Map<string, (atMs: number) => void>()
  private readonly closers: (() => void)[] = []

  static async on(bench: BenchLab): Promise<Starts> {
    const starts = new Starts()
    const filters = encodeURIComponent(JSON.stringify({ type: ['container'], event: ['start'] }))
    for (const { name, socketPath } of bench.lab.servers) {
      const response = await sendJson({ socketPath }, 'GET', `/events?filters=${filters}`)
      eachEvent(response, () => starts.waiting.get(name)?.(performance.now()))
      starts.closers.push(() => response.destroy())
    }
    return starts
  }

  next(server: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`nothing started on ${server} in ${DEADLINE_MS} ms`)),
        DEADLINE_MS,
      )
      this.waiting.set(server, (atMs) => {
        clearTimeout(timer)
        resolve(atMs)
      })
    })
  }

  close(): void {
    for (const close of this.closers) close()
  }
}
