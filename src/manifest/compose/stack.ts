import { OVERLAY, compareText } from '../../model/index.js'
import type { Guards, ServiceSpec, Stack } from '../../model/index.js'
import type { FileReader } from '../files.js'
import type { Lookup } from '../interpolate.js'
import type { InactiveServices } from '../profiles.js'
import type { Node } from '../node.js'
import { entries, get, keyOf, quoted } from '../node.js'
import type { Report, Spot } from '../report.js'
import { refuseReserved } from '../reserved-name.js'
import type { StackContext } from './context.js'
import { awaitedServices, reportCycles } from './depends-on.js'
import { collectContainerNames } from './container-names.js'
import { checkExternal } from './external.js'
import { readFileSources } from './files.js'
import { reportRefused } from './guarded.js'
import { readNetworks } from './networks.js'
import { readService } from './service.js'
import { readVolumes } from './volumes.js'

/** More is not a stack that a person wrote, and every check here grows with it. */
const MOST_SERVICES = 1_000

export interface StackSource {
  readonly stack: string
  readonly path: string
  readonly directory: string
  readonly variables: Lookup
  readonly reader: FileReader
  readonly report: Report
  readonly guards: Guards
  readonly isBalanced: boolean
  readonly isNamed: boolean
  readonly noteClaim: (key: string, spot: Spot) => void
  /** Services that are not active, with their profiles. */
  readonly inactive: InactiveServices
}

/** A Compose file that passed its schema, in canonical form. Every problem is in the report; with one, the result is not to be used. */
export function readStack(root: Node, source: StackSource): Stack {
  const { stack, path, report } = source
  const services = new Map(entries(get(root, 'services')).map(([name, { value }]) => [name, value]))
  for (const name of services.keys()) refuseReserved(name, keyOf(get(root, 'services'), name) ?? root, report)
  if (services.size === 0 && root.kind === 'map')
    report.error(
      'FIELD_MISSING',
      keyOf(root, 'services') ?? root,
      source.inactive.size === 0
        ? 'the file has no services; add one under `services:`'
        : `no service is active; activate one of the profiles ${[...new Set([...source.inactive.values()].flat())].join(', ')}, or remove \`profiles:\` from one`,
    )
  if (services.size > MOST_SERVICES) {
    report.error(
      'VALUE_OUT_OF_RANGE',
      keyOf(root, 'services') ?? root,
      `${services.size} services are too many for one stack; at most ${MOST_SERVICES}`,
    )
    return { name: stack, path, services: [], networks: [], volumes: [] }
  }
  const context = { ...source, declared: readDeclared(root, services, source) }
  const specs = readServices(root, services, context)
  reportCycles(new Map(specs.map((spec) => [spec.name, spec.dependsOn])), services, report)
  reportImpossibleWaits(specs, services, report)
  const made: Stack = {
    name: stack,
    path,
    services: specs,
    networks: readNetworks(
      context.declared.networks,
      specs.flatMap((spec) => spec.networks),
      stack,
      report,
    ),
    volumes: readVolumes(
      context.declared.volumes,
      specs.flatMap((spec) => spec.mounts),
      stack,
      report,
    ),
  }
  reportUnreachable(made, services, report)
  reportRefused(made, services, context.declared.volumes, source)
  return made
}

function readDeclared(root: Node, services: ReadonlyMap<string, Node>, source: StackSource): StackContext['declared'] {
  const section = (key: string): ReadonlyMap<string, Node> =>
    new Map(entries(get(root, key)).map(([name, { value }]) => [name, value]))
  const [networks, volumes] = [section('networks'), section('volumes')]
  checkExternal(networks, source.report, { isTolerant: true })
  checkExternal(volumes, source.report)
  return {
    services,
    containerNames: collectContainerNames(services),
    networks,
    volumes,
    configs: readFileSources(get(root, 'configs'), source),
    secrets: readFileSources(get(root, 'secrets'), source),
  }
}

function readServices(root: Node, services: ReadonlyMap<string, Node>, context: StackContext): readonly ServiceSpec[] {
  const awaited = awaitedServices(services)
  const shared = get(root, 'x-slipway')
  const named = [...services].sort(([a], [b]) => compareText(a, b))
  return named.map(([name, node]) => {
    if (node.kind === 'scalar' && node.broken !== true)
      context.report.error(
        'FIELD_MISSING',
        keyOf(get(root, 'services'), name) ?? node,
        'the service says nothing; give it an `image:`',
      )
    return readService(name, node, { isAwaited: awaited.has(name), shared }, context)
  })
}

/** Proxies and probes come from the host, which has no way into a network of Swarm. */
function reportUnreachable({ services, networks }: Stack, nodes: ReadonlyMap<string, Node>, report: Report): void {
  const shared = new Set(networks.flatMap(({ name, driver }) => (driver === OVERLAY ? [name] : [])))
  for (const { name, networks: own, balanced, routes, probe, networkMode } of services) {
    const node = nodes.get(name)
    const what =
      routes !== undefined ? 'routes' : balanced !== undefined ? 'published ports' : probe !== null ? 'probes' : null
    const isBehind = networkMode === null && own.length > 0 && own.every(({ network }) => shared.has(network))
    if (what === null || node === undefined || !isBehind) continue
    const message = `${what} come from the host, which reaches no container by an overlay network alone; add a bridge, as in \`networks: [default, …]\``
    report.error('CONFLICT', keyOf(node, 'networks') ?? node, message)
  }
}

/** Waiting for the health of something that has none, or that is meant to exit, would never end. */
function reportImpossibleWaits(
  specs: readonly ServiceSpec[],
  services: ReadonlyMap<string, Node>,
  report: Report,
): void {
  const byName = new Map(specs.map((spec) => [spec.name, spec]))
  for (const spec of specs) {
    for (const { service, condition } of spec.dependsOn) {
      const other = byName.get(service)
      const spot = get(services.get(spec.name), 'depends_on')
      if (condition !== 'service_healthy' || other === undefined || spot === undefined) continue
      if (other.mode === 'job')
        report.error(
          'CONFLICT',
          spot,
          `${quoted(service)} runs once and exits; wait for it with service_completed_successfully`,
        )
      else if (other.healthcheck?.test?.[0] === 'NONE' && other.probe === null)
        report.error(
          'CONFLICT',
          spot,
          `the healthcheck of ${quoted(service)} is off, so it never becomes healthy; use service_started`,
        )
    }
  }
}
