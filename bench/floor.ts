import type { RawServer } from './raw-server.js'
import { IMAGE, MONITOR_MS, PORT, READY_PATH, REPLICAS, createBody, networkOf } from './workload.js'
import type { Version } from './workload.js'

export interface FloorReplica {
  readonly server: RawServer
  readonly slot: number
  readonly id: string
}

/**
 * The engine calls that the work is made of, sent at the earliest moment at which Slipway's rules allow them, by something that knows in advance what
 * will happen: no plan, no journal, no look at the servers.
 */
export class Floor {
  private readonly servers: readonly RawServer[]
  /** Waiting for the engine's own verdict, by container. */
  private readonly healthy = new Map<string, () => void>()

  private constructor(servers: readonly RawServer[]) {
    this.servers = servers
  }

  static async on(servers: readonly RawServer[]): Promise<Floor> {
    const floor = new Floor(servers)
    const heard = ({ Action, id }: { Action: string; id: string }): void => {
      if (Action === 'health_status: healthy') floor.healthy.get(id)?.()
    }
    await Promise.all(servers.map((server) => server.events(['health_status'], heard)))
    return floor
  }

  /** Image and network on every server, then all replicas at once. */
  async deploy(version: Version): Promise<readonly FloorReplica[]> {
    await Promise.all(this.servers.map((server) => prepare(server, version)))
    return Promise.all(numbers(REPLICAS).map((slot) => this.start(this.serverOf(slot), version, slot)))
  }

  /** Start-first: the new replica is proven before the old one is stopped; a slot makes room for the next when the old one has stopped. */
  async update(old: readonly FloorReplica[], version: Version): Promise<readonly FloorReplica[]> {
    await Promise.all(this.servers.map((server) => prepare(server, version)))
    const waiting = [...old]
    const fresh: FloorReplica[] = []
    const removals: Promise<unknown>[] = []
    const worker = async (): Promise<void> => {
      for (let from = waiting.shift(); from !== undefined; from = waiting.shift()) {
        fresh.push(await this.start(from.server, version, from.slot))
        await stop(from)
        removals.push(remove(from))
      }
    }
    await Promise.all(numbers(version.parallelism).map(worker))
    await Promise.all(removals)
    return fresh.sort((a, b) => a.slot - b.slot)
  }

  /** Everything goes, network included. */
  async clear(replicas: readonly FloorReplica[], stack: string): Promise<void> {
    await Promise.all(replicas.map(remove))
    await Promise.all(this.servers.map((server) => server.call('DELETE', `/networks/${networkOf(stack)}`)))
  }

  /** Creates, starts, waits until ready and for the monitored time. */
  private async start(server: RawServer, version: Version, slot: number): Promise<FloorReplica> {
    const id = await create(server, version, slot)
    const verdict = new Promise<void>((resolve) => this.healthy.set(id, resolve))
    await server.call('POST', `/containers/${id}/start`)
    if (version.gate === 'probe') await untilAnswers(server, id)
    else await verdict
    this.healthy.delete(id)
    await new Promise((resolve) => setTimeout(resolve, MONITOR_MS))
    await stillReady(server, version, id)
    return { server, slot, id }
  }

  private serverOf(slot: number): RawServer {
    const server = this.servers[(slot - 1) % this.servers.length]
    if (server === undefined) throw new Error('there are no servers')
    return server
  }
}

export async function create(server: RawServer, version: Version, slot: number): Promise<string> {
  const name = `${version.stack}-${slot}-${version.text}`
  const answer = await server.call('POST', `/containers/create?name=${name}`, createBody(version, slot))
  return (JSON.parse(answer.body.toString('utf8')) as { readonly Id: string }).Id
}

async function prepare(server: RawServer, { stack }: Version): Promise<void> {
  const network = networkOf(stack)
  const [, found] = await Promise.all([
    server.call('GET', `/images/${encodeURIComponent(IMAGE)}/json`),
    server.call('GET', `/networks/${network}`, undefined, [404]),
  ])
  if (found.status === 404)
    await server.call('POST', '/networks/create', { Name: network, Driver: 'bridge', CheckDuplicate: true })
}

async function untilAnswers(server: RawServer, id: string): Promise<void> {
  const address = await addressOf(server, id)
  const endMs = performance.now() + 10_000
  while (!(await server.probe(address, PORT, READY_PATH)))
    if (performance.now() > endMs) throw new Error(`${id} on ${server.name} does not answer at ${address}`)
}

async function stillReady(server: RawServer, { gate }: Version, id: string): Promise<void> {
  const isReady =
    gate === 'probe'
      ? await server.probe(await addressOf(server, id), PORT, READY_PATH)
      : (await server.json<Inspected>(`/containers/${id}/json`)).State.Health?.Status === 'healthy'
  if (!isReady) throw new Error(`${id} on ${server.name} was ready and is no more`)
}

interface Inspected {
  readonly State: { readonly Health?: { readonly Status: string } }
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> }
}

async function addressOf(server: RawServer, id: string): Promise<string> {
  const { NetworkSettings } = await server.json<Inspected>(`/containers/${id}/json`)
  const address = Object.values(NetworkSettings.Networks)[0]?.IPAddress
  if (address === undefined || address === '') throw new Error(`${id} on ${server.name} has no address`)
  return address
}

function stop({ server, id }: FloorReplica): Promise<unknown> {
  return server.call('POST', `/containers/${id}/stop?t=10`)
}

function remove({ server, id }: FloorReplica): Promise<unknown> {
  return server.call('DELETE', `/containers/${id}?force=1`)
}

function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}
