import { checkpoint, pause } from './machine.js'
import type { Machine, SimContainer } from './machine.js'
import { findImage, noSuchImage } from './images.js'
import { haveVolume } from './objects.js'
import { done, listOf, numberOf, objectOf, refuse, textOf, textsOf } from './reply.js'
import type { Json, Reply } from './reply.js'
import { newRestartManager } from './restart-manager.js'

const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/
/** API 1.44 takes more than one network at creation. */
const MANY_NETWORKS_API = 44

/** Creates a container; the name is taken from the beginning, the container is seen at the end. */
export async function createContainer(machine: Machine, name: string, body: Json, apiMinor: number): Promise<Reply> {
  const image = findImage(machine, textOf(body['Image']))
  const id = machine.options.newId()
  const refusal = refusalOf(name, body, apiMinor)
  if (refusal !== null) return refusal
  if (image === undefined) return refuse(404, noSuchImage(textOf(body['Image'])))
  const chosen = name === '' ? `sim_${id.slice(0, 12)}` : name
  const holder = machine.names.get(chosen)
  if (holder !== undefined) return refuse(409, nameTaken(chosen, holder))
  if (machine.freeDiskBytes <= 0) return refuse(500, 'mkdir /var/lib/docker/overlay2: no space left on device')
  machine.names.set(chosen, id)
  await pause(machine, machine.times.createMs)
  const container = buildContainer(machine, { id, name: chosen, body, image: { id: image.id, config: image.config } })
  const labels = new Map(listOf(container.hostConfig['Mounts']).map(objectOf).map(labelsOf))
  for (const volume of container.volumes) haveVolume(machine, volume, labels.get(volume))
  machine.containers.set(id, container)
  checkpoint(container)
  const attributes = { ...container.labels, image: container.image, name: chosen }
  machine.events.say({ atMs: machine.clock.nowMs(), type: 'container', action: 'create', id, attributes })
  return done(201, { Id: id, Warnings: [] })
}

function labelsOf(mount: Json): readonly [string, Readonly<Record<string, string>>] {
  return [textOf(mount['Source']), textsOf(objectOf(mount['VolumeOptions'])['Labels'])]
}

export function nameTaken(name: string, holder: string): string {
  return `Conflict. The container name "/${name}" is already in use by container "${holder}". You have to remove (or rename) that container to be able to reuse that name.`
}

function refusalOf(name: string, body: Json, apiMinor: number): Reply | null {
  if (name !== '' && !NAME.test(name))
    return refuse(400, `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`)
  const endpoints = Object.keys(objectOf(objectOf(body['NetworkingConfig'])['EndpointsConfig']))
  if (apiMinor < MANY_NETWORKS_API && endpoints.length > 1)
    return refuse(400, `Container cannot be connected to network endpoints: ${endpoints.join(', ')}`)
  const check = objectOf(body['Healthcheck'])
  const short = ['Interval', 'Timeout', 'StartPeriod'].find((key) => {
    const nanoseconds = numberOf(check[key])
    return nanoseconds !== 0 && nanoseconds < 1e6
  })
  if (short !== undefined) return refuse(400, `${short} in Healthcheck cannot be less than 1ms`)
  const memory = numberOf(objectOf(body['HostConfig'])['Memory'])
  if (memory !== 0 && memory < MEMORY_LEAST)
    return refuse(400, `Minimum memory limit allowed is ${MEMORY_LEAST >> 20}MB`)
  return null
}

const MEMORY_LEAST = 6 * 1024 * 1024

/** A container that nobody has started yet. */
export interface Made {
  readonly id: string
  readonly name: string
  readonly body: Json
  readonly image: { readonly id: string; readonly config: Json }
}

export function buildContainer(machine: Machine, { id, name, body, image }: Made): SimContainer {
  const hostConfig = objectOf(body['HostConfig'])
  const check = body['Healthcheck'] ?? image.config['Healthcheck']
  const stopTimeout = body['StopTimeout']
  const flags = { running: false, paused: false, restarting: false, dead: false, removing: false, oomKilled: false }
  const zero = { ...flags, exitCode: 0, error: '', pid: 0, startedAtMs: 0, finishedAtMs: 0 }
  return {
    id,
    name,
    image: textOf(body['Image']),
    imageId: image.id,
    createdAtMs: machine.clock.nowMs(),
    config: { ...image.config, ...dropNulls(body), Healthcheck: check ?? null },
    hostConfig,
    policy: policyOf(hostConfig),
    labels: { ...textsOf(image.config['Labels']), ...textsOf(body['Labels']) },
    stopSignal: textOf(body['StopSignal']) || textOf(image.config['StopSignal']),
    stopTimeoutMs: (typeof stopTimeout === 'number' ? stopTimeout : STOP_TIMEOUT_S) * 1000,
    healthcheck: check === null || check === undefined ? null : objectOf(check),
    networks: new Set(networksOf(body, hostConfig)),
    volumes: volumesOf(machine, hostConfig),
    flags: zero,
    listed: { ...zero, health: null },
    health: null,
    process: null,
    manager: newRestartManager(),
    restartCount: 0,
    starts: 0,
    isStoppedByHand: false,
    isRestartedByHand: false,
    ports: [],
    logs: '',
    waiters: new Set(),
    cancelRestart: null,
    lock: Promise.resolve(),
    exitWhileAway: null,
  }
}

const STOP_TIMEOUT_S = 10

export function policyOf(hostConfig: Json): SimContainer['policy'] {
  const policy = objectOf(hostConfig['RestartPolicy'])
  return { name: textOf(policy['Name']) || 'no', maximumRetryCount: numberOf(policy['MaximumRetryCount']) }
}

function dropNulls(body: Json): Json {
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))
}

function networksOf(body: Json, hostConfig: Json): readonly string[] {
  const mode = textOf(hostConfig['NetworkMode'])
  const first = mode === '' || mode === 'default' ? 'bridge' : mode
  const endpoints = Object.keys(objectOf(objectOf(body['NetworkingConfig'])['EndpointsConfig']))
  return first === 'none' || first === 'host' ? [first] : [first, ...endpoints]
}

/** Names of volumes, those made for it alone among them; folders of the host are none. */
function volumesOf(machine: Machine, hostConfig: Json): readonly string[] {
  const binds = listOf(hostConfig['Binds']).map((bind) => textOf(bind).split(':')[0] ?? '')
  const mounts = listOf(hostConfig['Mounts'])
    .map(objectOf)
    .filter((mount) => mount['Type'] === 'volume')
    .map((mount) => textOf(mount['Source']) || machine.options.newId())
  return [...new Set([...binds.filter((source) => source !== '' && !source.startsWith('/')), ...mounts])]
}
