import { STOP_GRACE_DEFAULT_MS } from '../../model/index.js'
import type { ServiceSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { get, keyOf } from '../node.js'
import { readBoolean, readDuration, readText } from '../read.js'
import { readCommand } from './command.js'
import type { StackContext } from './context.js'
import { readDependencies } from './depends-on.js'
import {
  checkResources,
  readLimits,
  readMode,
  readReplicas,
  readReservations,
  readRestart,
  readRollback,
  readUpdate,
} from './deploy.js'
import { readDevices } from './devices.js'
import { readEnvironment } from './environment.js'
import { platformConstraints, readExecution } from './execution.js'
import { readFiles } from './files.js'
import { readHealthcheck } from './healthcheck.js'
import { readImage, readPullPolicy } from './image.js'
import { readHooks } from './hooks.js'
import { readIsolation } from './isolation.js'
import { readKeyValues } from './key-values.js'
import { readServiceLabels } from './labels.js'
import { readMounts } from './mounts.js'
import { readNaming } from './naming.js'
import { readNames } from './container-names.js'
import { readAttachments, readNetworkMode } from './networks.js'
import { readPlacement } from './placement.js'
import { portClaim, publishes, readPorts } from './ports.js'
import {
  readCapabilities,
  readExtraHosts,
  readHostname,
  readLogging,
  readSignal,
  readUlimits,
  readWorkingDir,
} from './process.js'
import { readRoutes } from './routes.js'
import { readStrategy } from './strategy.js'
import { readTuning } from './tuning.js'
import { isExported, readProbe, readRestartAt, readRollout } from './x-slipway.js'

/** What the rest of the stack says about one service. */
export interface ServiceSurroundings {
  /** Another service waits for it to complete. */
  readonly isAwaited: boolean
  /** `x-slipway` at the top of the file. */
  readonly shared: Node | undefined
}

/** One service in canonical form. Every problem is in the report; with one, the result is not to be used. */
export function readService(
  name: string,
  service: Node,
  around: ServiceSurroundings,
  context: StackContext,
): ServiceSpec {
  const deployed = readDeployment(service, around, context)
  const container = readContainer(name, service, context)
  checkJob(service, deployed.mode, context)
  checkFixedAddresses(service, container, deployed, context)
  const routes = readRoutes(service, { name, ...container }, context)
  const spec: ServiceSpec = {
    stack: context.stack,
    name,
    ...container,
    ...readProcess(service, context),
    ...deployed,
    ...(routes === undefined ? {} : { routes }),
  }
  const strategy = readStrategy(service, around.shared, spec, context)
  return strategy === undefined ? spec : { ...spec, rollout: { ...spec.rollout, strategy } }
}

type Container =
  | 'tuning'
  | 'isolation'
  | 'devices'
  | 'naming'
  | 'environment'
  | 'labels'
  | 'ports'
  | 'balanced'
  | 'exported'
  | 'mounts'
  | 'networks'
  | 'networkMode'
  | 'files'
  | 'healthcheck'

function readContainer(name: string, service: Node, context: StackContext): Pick<ServiceSpec, Container> {
  const { report } = context
  const { mounts, files } = readMounts(service, context)
  const networkMode = readNetworkMode(service, context)
  const { ports, balanced } = readPorts(get(service, 'ports'), context.isBalanced, report, (port, spot) =>
    context.noteClaim(portClaim(name, port), spot),
  )
  const isBridged = networkMode === null
  const names = readNames(name, service, context)
  const spot = keyOf(service, 'ports')
  // The engine's own bridge publishes as any other.
  const isPublished = isBridged || networkMode === 'bridge'
  if (!isPublished && spot !== undefined && publishes(service))
    report.warn('FIELD_IGNORED', spot, `ignored: with \`network_mode: ${networkMode}\` there is nothing to publish`)
  return {
    environment: readEnvironment(service, context),
    labels: readServiceLabels(service, context),
    ports: isPublished ? ports : [],
    ...(isPublished && balanced.length > 0 ? { balanced } : {}),
    ...(isExported(service, context.isBalanced, report) ? { exported: true } : {}),
    mounts,
    networks: isBridged && get(service, 'network_mode') === undefined ? readAttachments(names, service, context) : [],
    networkMode,
    files: readFiles(service, mounts, files, context),
    healthcheck: readHealthcheck(get(service, 'healthcheck'), report),
    tuning: readTuning(service, context),
    isolation: readIsolation(service, context),
    devices: readDevices(service, context),
    naming: readNaming(service, context),
  }
}

type Process =
  | 'hooks'
  | 'command'
  | 'entrypoint'
  | 'stopSignal'
  | 'stopGraceMs'
  | 'user'
  | 'workingDir'
  | 'init'
  | 'readOnly'
  | 'capAdd'
  | 'capDrop'
  | 'ulimits'
  | 'sysctls'
  | 'extraHosts'
  | 'hostname'
  | 'logging'

function readProcess(service: Node, context: StackContext): Pick<ServiceSpec, Process> {
  const { report } = context
  return {
    command: readCommand(service, 'command', report),
    entrypoint: readCommand(service, 'entrypoint', report),
    stopSignal: readSignal(service, report),
    stopGraceMs: readDuration(service, 'stop_grace_period', report) ?? STOP_GRACE_DEFAULT_MS,
    user: readText(service, 'user'),
    workingDir: readWorkingDir(service, report),
    init: readBoolean(service, 'init', report),
    readOnly: readBoolean(service, 'read_only', report) ?? false,
    capAdd: readCapabilities(service, 'cap_add', report),
    capDrop: readCapabilities(service, 'cap_drop', report),
    ulimits: readUlimits(get(service, 'ulimits'), report),
    sysctls: readKeyValues(get(service, 'sysctls'), report),
    extraHosts: readExtraHosts(get(service, 'extra_hosts'), report),
    hostname: readHostname(service, report),
    logging: readLogging(get(service, 'logging')),
    hooks: readHooks(service, context),
  }
}

type Deployment = Exclude<keyof ServiceSpec, Container | Process | 'stack' | 'name' | 'routes'>

function readDeployment(
  service: Node,
  around: ServiceSurroundings,
  context: StackContext,
): Pick<ServiceSpec, Deployment> {
  const { report } = context
  const image = readImage(service, report)
  const execution = readExecution(service, context)
  const mode = readMode(service, around.isAwaited, report)
  const limits = readLimits(service, report)
  const reservations = readReservations(service, report)
  checkResources(limits, reservations, service, report)
  return {
    image,
    execution,
    pullPolicy: readPullPolicy(service, image, report),
    mode,
    replicas: readReplicas(service, mode, report),
    restart: readRestart(service, mode, report),
    limits,
    reservations,
    placement: readPlacement(service, platformConstraints(execution?.platform), report),
    update: readUpdate(service, report),
    rollback: readRollback(service, report),
    rollout: readRollout(service, around.shared, report),
    dependsOn: readDependencies(service, context),
    probe: readProbe(service, report),
    restartAt: readRestartAt(service),
  }
}

/** A one-shot service is awaited until it exits: nothing can call it in between. */
function checkJob(service: Node, mode: ServiceSpec['mode'], { report }: StackContext): void {
  if (mode !== 'job') return
  const ports = keyOf(service, 'ports')
  if (ports !== undefined && publishes(service))
    report.error(
      'CONFLICT',
      ports,
      'a one-shot service cannot publish ports; remove them, or do not wait for it to complete',
    )
  const routes = keyOf(get(service, 'x-slipway'), 'routes')
  if (routes !== undefined)
    report.error('CONFLICT', routes, 'a one-shot service cannot be asked for anything; remove the routes')
  const probe = keyOf(get(service, 'x-slipway'), 'probe')
  if (probe !== undefined)
    report.error('CONFLICT', probe, 'a one-shot service is done when it exits with 0; remove the probe')
}

/** An address is one container's. */
function checkFixedAddresses(
  service: Node,
  { networks, naming }: Pick<ServiceSpec, 'networks' | 'naming'>,
  { replicas, mode }: Pick<ServiceSpec, 'replicas' | 'mode'>,
  { report }: StackContext,
): void {
  const isSingle = replicas <= 1 && mode !== 'global'
  const fixed = networks.some((one) => one.ipv4Address ?? one.ipv6Address ?? one.macAddress) || naming?.macAddress
  const spot = keyOf(service, 'mac_address') ?? keyOf(service, 'networks')
  if (!isSingle && fixed && spot !== undefined)
    report.error('CONFLICT', spot, 'a fixed address holds for one container only; remove it, or run one replica')
}
