import { compareText } from '../../model/index.js'
import type { Dependency, DependencyCondition } from '../../model/index.js'
import type { Node } from '../node.js'
import { entries, get, items, quoted, textOf } from '../node.js'
import { readBoolean, readText } from '../read.js'
import type { Report } from '../report.js'
import { didYouMean } from '../text.js'
import type { StackContext } from './context.js'

/** `depends_on` of a service and what else it needs another one for, sorted by name. */
export function readDependencies(service: Node, context: StackContext): readonly Dependency[] {
  const { services } = context.declared
  const node = get(service, 'depends_on')
  const short = items(node).map((item) => ({ spot: item, dependency: plainDependency(textOf(item)) }))
  const long = entries(node).map(([name, { value }]) => ({
    spot: value,
    dependency: longDependency(name, value, context.report),
  }))
  const known = [...short, ...long].filter(({ spot, dependency }) => isKnown(dependency, spot, context))
  const implied = impliedDependencies(service).filter(
    (dependency) => services.has(dependency.service) && services.get(dependency.service) !== service,
  )
  const byName = new Map(
    [...implied, ...known.map(({ dependency }) => dependency)].map((dependency) => [dependency.service, dependency]),
  )
  return [...byName.values()].sort((a, b) => compareText(a.service, b.service))
}

/** As for Compose: who joins another container, links to it or uses its volumes starts after it. */
function impliedDependencies(service: Node): readonly Dependency[] {
  const modes = ['network_mode', 'ipc', 'pid'].flatMap((key) => {
    const [, name] = /^service:(.*)$/s.exec(readText(service, key) ?? '') ?? []
    return name === undefined ? [] : [{ ...plainDependency(name), restart: true }]
  })
  const links = named(get(service, 'links')).map((dependency) => ({ ...dependency, restart: true }))
  return [...links, ...named(get(service, 'volumes_from')), ...modes]
}

/** `service:…`, whatever follows. */
function named(node: Node | undefined): readonly Dependency[] {
  return items(node).map((item) => plainDependency(textOf(item).split(':')[0] ?? ''))
}

function plainDependency(service: string): Dependency {
  return { service, condition: 'service_started', required: true, restart: false }
}

function longDependency(service: string, node: Node, report: Report): Dependency {
  const condition = readText(node, 'condition')
  return {
    service,
    condition: isCondition(condition) ? condition : 'service_started',
    required: readBoolean(node, 'required', report) ?? true,
    restart: readBoolean(node, 'restart', report) ?? false,
  }
}

function isCondition(text: string | null): text is DependencyCondition {
  return text === 'service_started' || text === 'service_healthy' || text === 'service_completed_successfully'
}

function isKnown({ service, required }: Dependency, spot: Node, context: StackContext): boolean {
  const { report, inactive } = context
  const services = context.declared.services
  if (services.has(service)) return true
  const profiles = inactive.get(service)
  if (profiles !== undefined) {
    const message = `the service ${quoted(service)} is not active; activate one of its profiles (${profiles.join(', ')}), or write \`required: false\``
    if (required) report.error('REFERENCE_UNKNOWN', spot, message)
    return false
  }
  const message = `the service ${quoted(service)} is not declared${didYouMean(service, services.keys())}`
  if (required) report.error('REFERENCE_UNKNOWN', spot, message)
  else report.warn('REFERENCE_UNKNOWN', spot, `${message}; it is not required, so this is passed over`)
  return false
}

/** Services that another one waits for to complete: they run once. */
export function awaitedServices(services: ReadonlyMap<string, Node>): ReadonlySet<string> {
  const awaited = new Set<string>()
  for (const service of services.values()) {
    for (const [name, { value }] of entries(get(service, 'depends_on'))) {
      if (readText(value, 'condition') === 'service_completed_successfully') awaited.add(name)
    }
  }
  return awaited
}

/** Reports each circle once, with its chain, beginning at its first name. */
export function reportCycles(
  dependencies: ReadonlyMap<string, readonly Dependency[]>,
  services: ReadonlyMap<string, Node>,
  report: Report,
): void {
  const done = new Set<string>()
  const visit = (name: string, chain: readonly string[]): void => {
    const at = chain.indexOf(name)
    if (at !== -1) reportCycle(chain.slice(at), services, report)
    if (at !== -1 || done.has(name)) return
    for (const { service } of dependencies.get(name) ?? []) visit(service, [...chain, name])
    done.add(name)
  }
  for (const name of [...dependencies.keys()].sort(compareText)) visit(name, [])
}

function reportCycle(cycle: readonly string[], services: ReadonlyMap<string, Node>, report: Report): void {
  const [first = ''] = [...cycle].sort(compareText)
  const start = cycle.indexOf(first)
  const chain = [...cycle.slice(start), ...cycle.slice(0, start), first]
  const service = services.get(first)
  const spot = get(service, 'depends_on') ?? service ?? null
  report.error(
    'DEPENDENCY_CYCLE',
    spot,
    `services depend on each other in a circle: ${chain.join(' → ')}; remove one of these`,
  )
}
