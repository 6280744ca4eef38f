import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import Docker from 'dockerode'
import { LABELS } from '../src/model/index.js'

const ANSWER_MS = 5_000

export interface LocalEngine {
  readonly socketPath: string
  readonly version: string
  hasImage(reference: string): Promise<boolean>
  pull(reference: string): Promise<void>
  removeImage(reference: string): Promise<void>
  /** Removes every container, network and volume of a fleet. */
  clear(fleet: string): Promise<void>
}

/** The Docker Engine of this machine that answers, or for each place why none does. */
export async function findLocalEngine(): Promise<LocalEngine | readonly string[]> {
  const whyNot: string[] = []
  for (const socketPath of sockets(whyNot)) {
    try {
      const docker = new Docker({ socketPath, timeout: ANSWER_MS })
      const { Version: version } = await docker.version()
      return openEngine(socketPath, version)
    } catch (error) {
      whyNot.push(explain(socketPath, error as NodeJS.ErrnoException))
    }
  }
  return whyNot
}

/** Where Docker itself would look first, then where its usual editions listen. */
function sockets(whyNot: string[]): readonly string[] {
  const host = process.env['DOCKER_HOST'] ?? ''
  if (host.startsWith('unix://')) return [host.slice('unix://'.length)]
  if (host !== '') whyNot.push(`DOCKER_HOST is ${host}: the demo uses an engine on this machine only (unix://…)`)
  const runtime = process.env['XDG_RUNTIME_DIR']
  const own = [join(homedir(), '.docker/run/docker.sock'), ...(runtime === undefined ? [] : [`${runtime}/docker.sock`])]
  return ['/var/run/docker.sock', ...own.filter((path) => existsSync(path))]
}

function explain(socketPath: string, { code, message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'ENOENT':
      return `${socketPath} does not exist`
    case 'ECONNREFUSED':
      return `nobody listens on ${socketPath}: Docker is installed and not started`
    case 'EACCES':
      return `${socketPath} may not be opened by this user: sudo usermod -aG docker "$USER", then log in again`
    default:
      return `${socketPath} does not answer: ${message}`
  }
}

function openEngine(socketPath: string, version: string): LocalEngine {
  const docker = new Docker({ socketPath })
  return {
    socketPath,
    version,
    hasImage: async (reference) => {
      try {
        await docker.getImage(reference).inspect()
        return true
      } catch {
        return false
      }
    },
    pull: async (reference) => {
      const stream = await docker.pull(reference)
      await new Promise<void>((resolve, reject) => {
        docker.modem.followProgress(stream, (error) => (error === null ? resolve() : reject(error)))
      })
    },
    removeImage: async (reference) => {
      await docker.getImage(reference).remove()
    },
    clear: (fleet) => clear(docker, fleet),
  }
}

async function clear(docker: Docker, fleet: string): Promise<void> {
  const filters = { label: [`${LABELS.fleet}=${fleet}`] }
  const containers = await docker.listContainers({ all: true, filters })
  await Promise.all(containers.map(({ Id }) => docker.getContainer(Id).remove({ force: true, v: true })))
  const networks = await docker.listNetworks({ filters })
  await Promise.all(networks.map(({ Id }) => docker.getNetwork(Id).remove()))
  const { Volumes: volumes } = await docker.listVolumes({ filters })
  await Promise.all((volumes ?? []).map(({ Name }) => docker.getVolume(Name).remove()))
}
