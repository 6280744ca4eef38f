import type { EngineRequest } from '../../driver/index.js'
import type { Query } from './call.js'
import { listContainers, onContainer } from './container-calls.js'
import { createContainer } from './create-container.js'
import type { OpenStream } from './event-log.js'
import { createExec, inspectExec, startExec } from './exec.js'
import { inspectImage, pullImage, tagImage } from './images.js'
import { pause } from './machine.js'
import type { EngineTimes, Machine } from './machine.js'
import {
  connectNetwork,
  createNetwork,
  createVolume,
  inspectNetwork,
  inspectVolume,
  listNetworks,
  listVolumes,
  removeNetwork,
  removeVolume,
} from './objects.js'
import { done, objectOf, refuse } from './reply.js'
import type { Json, Reply } from './reply.js'
import { printNode } from './swarm.js'

export type Answered = Reply | OpenStream

export function isStream(answered: Answered): answered is OpenStream {
  return 'response' in answered
}

interface Call {
  readonly machine: Machine
  /** The parts of the path between slashes that the pattern left open. */
  readonly names: readonly string[]
  readonly query: Query
  readonly body: Json
  readonly apiMinor: number
}

interface Route {
  readonly method: EngineRequest['method']
  readonly path: RegExp
  /** Waited for before anything happens. */
  readonly takes: keyof EngineTimes
  readonly answer: (call: Call) => Promise<Answered> | Answered
}

const name = ({ names }: Call): string => names[0] ?? ''

/** Everything that the engine is asked by Slipway, and a little more. */
const ROUTES: readonly Route[] = [
  route('GET', '/_ping', 'readMs', ({ machine }) => ({
    ...done(200, 'OK'),
    headers: { 'api-version': apiVersionOf(machine) },
  })),
  route('GET', '/version', 'readMs', ({ machine }) =>
    done(200, { Version: versionOf(machine), ApiVersion: apiVersionOf(machine) }),
  ),
  route('GET', '/info', 'readMs', ({ machine }) => done(200, infoOf(machine))),
  route('GET', '/events', 'readMs', ({ machine, query }) => machine.events.follow(query['filters'])),
  route('GET', '/containers/json', 'readMs', ({ machine, query }) => listContainers(machine, query)),
  route('POST', '/containers/create', 'readMs', ({ machine, query, body, apiMinor }) =>
    createContainer(machine, query['name'] ?? '', body, apiMinor),
  ),
  route('POST', '/containers/*/exec', 'execMs', (call) => createExec(call.machine, name(call), call.body)),
  ...(['json', 'logs'] as const).map((what) => onContainerRoute('GET', `/containers/*/${what}`, what, 'readMs')),
  ...(['start', 'stop', 'restart', 'kill', 'pause', 'unpause', 'rename'] as const).map((what) =>
    onContainerRoute('POST', `/containers/*/${what}`, what, 'readMs'),
  ),
  onContainerRoute('POST', '/containers/*/update', 'update', 'changeMs'),
  onContainerRoute('PUT', '/containers/*/archive', 'archive', 'changeMs'),
  onContainerRoute('DELETE', '/containers/*', '', 'readMs'),
  route('POST', '/exec/*/start', 'readMs', (call) => startExec(call.machine, name(call))),
  route('GET', '/exec/*/json', 'readMs', (call) => inspectExec(call.machine, name(call))),
  route('POST', '/images/create', 'readMs', ({ machine, query }) =>
    pullImage(machine, query['fromImage'] ?? '', query['tag'] ?? ''),
  ),
  route('GET', '/images/*/json', 'readMs', (call) => inspectImage(call.machine, name(call))),
  route('POST', '/images/*/tag', 'changeMs', (call) =>
    tagImage(call.machine, name(call), call.query['repo'] ?? '', call.query['tag'] ?? ''),
  ),
  route('GET', '/networks', 'readMs', ({ machine }) => listNetworks(machine)),
  route('POST', '/networks/create', 'readMs', ({ machine, body }) => createNetwork(machine, body)),
  route('POST', '/networks/*/connect', 'changeMs', (call) => connectNetwork(call.machine, name(call), call.body)),
  route('GET', '/networks/*', 'readMs', (call) => inspectNetwork(call.machine, name(call))),
  route('DELETE', '/networks/*', 'changeMs', (call) => removeNetwork(call.machine, name(call))),
  route('GET', '/volumes', 'readMs', ({ machine, query }) => listVolumes(machine, query)),
  route('POST', '/volumes/create', 'changeMs', ({ machine, body }) => createVolume(machine, body)),
  route('GET', '/volumes/*', 'readMs', (call) => inspectVolume(call.machine, name(call))),
  route('DELETE', '/volumes/*', 'changeMs', (call) => removeVolume(call.machine, name(call))),
]

/** A star stands for one name. */
function route(method: Route['method'], path: string, takes: Route['takes'], answer: Route['answer']): Route {
  const pattern = path.split('*').map(escaped).join('([^/]+)')
  return { method, path: new RegExp(`^${pattern}$`), takes, answer }
}

function escaped(text: string): string {
  return text.replace(/[.]/g, '\\.')
}

function onContainerRoute(method: Route['method'], path: string, what: string, takes: Route['takes']): Route {
  return route(method, path, takes, (call) =>
    onContainer(call.machine, name(call), `${method} ${what}`, call.query, call.body),
  )
}

export async function answerCall(machine: Machine, request: EngineRequest, apiMinor: number): Promise<Answered> {
  for (const { method, path, takes, answer } of ROUTES) {
    const match = method === request.method ? path.exec(request.path) : null
    if (match === null) continue
    await pause(machine, machine.times[takes])
    const names = match.slice(1).map(decodeURIComponent)
    return answer({ machine, names, query: request.query ?? {}, body: objectOf(request.body), apiMinor })
  }
  return refuse(404, 'page not found')
}

export function apiVersionOf({ options }: Machine): string {
  return options.apiVersion ?? (options.version === '20.10' ? '1.41' : '1.45')
}

function versionOf({ options }: Machine): string {
  return options.engineVersion ?? (options.version === '20.10' ? '20.10.24' : '26.1.5')
}

const MACHINES: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64' }

function infoOf(machine: Machine): Json {
  const { engineId, hostname, cpus, memoryBytes, os, arch, liveRestore, swarm } = machine.options
  return {
    ID: engineId,
    ServerVersion: versionOf(machine),
    OSType: os ?? 'linux',
    Architecture: MACHINES[arch ?? 'amd64'] ?? arch,
    Name: hostname,
    NCPU: cpus,
    MemTotal: memoryBytes,
    LiveRestoreEnabled: liveRestore ?? false,
    Swarm: swarm === undefined ? { LocalNodeState: 'inactive' } : printNode(swarm),
  }
}
