import { isoTime } from './iso-time.js'
import { stateOf } from './machine.js'
import type { Flags, Machine, SimContainer } from './machine.js'
import { networksNamed } from './networking.js'
import { listOf } from './reply.js'
import type { Json } from './reply.js'

const NEVER = '0001-01-01T00:00:00Z'

/** As an element of the list: from what was written down last. */
export function listedContainer(machine: Machine, container: SimContainer): Json {
  const { listed } = container
  const { id, name, image, imageId, createdAtMs, labels, ports, hostConfig } = container
  return {
    Id: id,
    Names: [`/${name}`],
    Image: image,
    ImageID: imageId,
    Command: listOf(container.config['Cmd']).join(' '),
    Created: Math.floor(createdAtMs / 1000),
    Ports: ports.map(({ hostIp, port, protocol, target }) => ({
      IP: hostIp || '0.0.0.0',
      PrivatePort: target,
      PublicPort: port,
      Type: protocol,
    })),
    Labels: labels,
    State: stateOf(listed),
    Status: statusOf(listed, machine.clock.nowMs()),
    HostConfig: { NetworkMode: hostConfig['NetworkMode'] ?? 'default' },
    NetworkSettings: { Networks: networksOf(machine, container) },
    Mounts: [],
  }
}

function statusOf(listed: SimContainer['listed'], nowMs: number): string {
  const since = (ms: number): string => `${Math.max(0, Math.floor((nowMs - ms) / 1000))} seconds`
  switch (stateOf(listed)) {
    case 'paused':
      return `Up ${since(listed.startedAtMs)} (Paused)`
    case 'restarting':
      return `Restarting (${listed.exitCode}) ${since(listed.finishedAtMs)} ago`
    case 'running': {
      const health = listed.health === 'starting' ? 'health: starting' : listed.health
      return `Up ${since(listed.startedAtMs)}${health === null ? '' : ` (${health})`}`
    }
    case 'removing':
      return 'Removal In Progress'
    case 'dead':
      return 'Dead'
    case 'created':
      return 'Created'
    default:
      return `Exited (${listed.exitCode}) ${since(listed.finishedAtMs)} ago`
  }
}

export function networksOf(machine: Machine, container: SimContainer): Json {
  return Object.fromEntries(
    [...container.networks].map((name) => {
      const network = networksNamed(machine, name)[0]
      const IPAddress = network?.endpoints.get(container.id) ?? ''
      return [name, { NetworkID: network?.id ?? '', IPAddress, Aliases: null }]
    }),
  )
}

export function inspectedContainer(machine: Machine, container: SimContainer): Json {
  const { flags, health, config, hostConfig } = container
  return {
    Id: container.id,
    Created: isoTime(container.createdAtMs),
    Name: `/${container.name}`,
    Image: container.imageId,
    RestartCount: container.restartCount,
    State: { ...printedFlags(flags), ...(health === null ? {} : { Health: printedHealth(health) }) },
    Config: { ...config, HostConfig: undefined, NetworkingConfig: undefined, Labels: container.labels },
    HostConfig: {
      ...hostConfig,
      RestartPolicy: { Name: container.policy.name, MaximumRetryCount: container.policy.maximumRetryCount },
    },
    NetworkSettings: { Networks: networksOf(machine, container) },
    Mounts: container.volumes.map((Name) => ({ Type: 'volume', Name })),
  }
}

function printedFlags(flags: Flags): Json {
  const time = (ms: number): string => (ms === 0 ? NEVER : isoTime(ms))
  return {
    Status: stateOf(flags),
    Running: flags.running,
    Paused: flags.paused,
    Restarting: flags.restarting,
    OOMKilled: flags.oomKilled,
    Dead: flags.dead,
    Pid: flags.pid,
    ExitCode: flags.exitCode,
    Error: flags.error,
    StartedAt: time(flags.startedAtMs),
    FinishedAt: time(flags.finishedAtMs),
  }
}

function printedHealth({ status, failingStreak, log }: NonNullable<SimContainer['health']>): Json {
  return { Status: status, FailingStreak: failingStreak, Log: log }
}
