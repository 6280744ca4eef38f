import type Docker from 'dockerode'
import { LABELS } from '../../src/model/index.js'
import { dockerOn } from '../lab/index.js'
import type { Lab, LabServer } from '../lab/index.js'

/** A container as its engine lists it, past SSH and all of Slipway. */
export interface SeenContainer {
  readonly server: string
  readonly id: string
  readonly name: string
  readonly stack: string
  readonly service: string
  /** `web#3` */
  readonly slot: string
  readonly spec: string
  readonly revision: string
  readonly image: string
  readonly state: string
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy'
}

/** The engines of a lab, asked directly. */
export class Engines {
  private readonly clients: readonly (readonly [server: string, client: Docker])[]

  private readonly fleet: string

  constructor(servers: readonly LabServer[], fleet: string) {
    this.fleet = fleet
    this.clients = servers.map((server) => [server.name, dockerOn(server)])
  }

  /** Containers of the fleet on all servers that answer, sorted by slot; those of one service (`web`) where it is named. */
  async containers(service?: string): Promise<readonly SeenContainer[]> {
    const lists = await Promise.all(this.clients.map(([server, client]) => this.list(server, client, service)))
    return lists.flat().sort((a, b) => (`${a.slot} ${a.name}` < `${b.slot} ${b.name}` ? -1 : 1))
  }

  /** Everything that makes a container what it is, by `slot server`; equal text is an equal container. */
  async specs(service?: string): Promise<ReadonlyMap<string, string>> {
    const seen = await this.containers(service)
    const texts = seen.map(async ({ server, id, slot }) => {
      const { Config, HostConfig, Image, NetworkSettings } = await this.client(server).getContainer(id).inspect()
      // Without a name of its own a container is called after its id.
      const config = { ...Config, Hostname: id.startsWith(Config.Hostname) ? '' : Config.Hostname }
      const what = { Config: config, HostConfig, Image, networks: Object.keys(NetworkSettings.Networks) }
      return [`${slot} ${server}`, JSON.stringify(what, null, 1)] as const
    })
    return new Map(await Promise.all(texts))
  }

  /** What a command prints in a container; its exit code is ignored. */
  async exec(container: SeenContainer, ...command: readonly string[]): Promise<string> {
    const target = this.client(container.server).getContainer(container.id)
    const exec = await target.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: true })
    const stream = await exec.start({ Tty: true })
    let text = ''
    for await (const chunk of stream) text += String(chunk)
    return text.replaceAll('\r\n', '\n')
  }

  async volumes(server: string): Promise<readonly string[]> {
    const { Volumes } = await this.client(server).listVolumes()
    return Volumes.map(({ Name }) => Name).sort()
  }

  async networks(server: string): Promise<readonly string[]> {
    return (await this.client(server).listNetworks()).map(({ Name }) => Name).sort()
  }

  client(server: string): Docker {
    const found = this.clients.find(([name]) => name === server)
    if (found === undefined) throw new Error(`no server ${server}`)
    return found[1]
  }

  private async list(server: string, client: Docker, service?: string): Promise<readonly SeenContainer[]> {
    const label = [`${LABELS.fleet}=${this.fleet}`, ...(service === undefined ? [] : [`${LABELS.service}=${service}`])]
    const found = await client.listContainers({ all: true, filters: { label } })
    return found.map((info) => seen(server, info))
  }
}

function seen(server: string, { Id, Names, Labels, Image, State, Status }: Docker.ContainerInfo): SeenContainer {
  const label = (name: string): string => Labels[name] ?? ''
  return {
    server,
    id: Id,
    name: Names[0]?.slice(1) ?? '',
    stack: label(LABELS.stack),
    service: label(LABELS.service),
    slot: `${label(LABELS.service)}#${label(LABELS.slot)}`,
    spec: label(LABELS.spec),
    revision: label(LABELS.revision),
    image: Image,
    state: State,
    health: healthIn(Status),
  }
}

/** `Up 3 seconds (healthy)`: the list says it in words only. */
function healthIn(status: string): SeenContainer['health'] {
  if (status.includes('(healthy)')) return 'healthy'
  if (status.includes('(unhealthy)')) return 'unhealthy'
  return status.includes('(health: starting)') ? 'starting' : 'none'
}

export function describeContainers(containers: readonly SeenContainer[]): string {
  const lines = containers.map(
    ({ slot, server, state, health, image, spec, revision, id }) =>
      `${slot} on ${server}: ${state}, ${health}, ${image}, spec ${spec.slice(0, 8)}, revision ${revision.slice(0, 8)}, ${id.slice(0, 12)}`,
  )
  return lines.length === 0 ? '(no container)' : lines.join('\n')
}

/** Engines of a lab, for its fleet of the same name. */
export function enginesOf(lab: Lab): Engines {
  return new Engines(lab.servers, lab.name)
}
