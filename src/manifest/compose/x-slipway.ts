import { ROLLOUT_DEFAULTS } from '../../model/index.js'
import type { ProbeSpec, RolloutPolicy } from '../../model/index.js'
import type { Node } from '../node.js'
import { describe, get, keyOf, textOf } from '../node.js'
import { PORTS, readDuration, readInteger, readText } from '../read.js'
import type { Report } from '../report.js'

export const PROBE_DEFAULTS = Object.freeze({
  path: '/',
  scheme: 'http',
  host: null,
  expectMin: 200,
  expectMax: 399,
  timeoutMs: 5_000,
} as const)

const DEADLINES = { min: 1_000, max: 7 * 86_400_000 }
const DRAINS = { min: 0, max: 86_400_000 }
const TIMEOUTS = { min: 1, max: 300_000 }

/** The service's own settings win over those at the top of the file, key by key. */
export function readRollout(service: Node, stack: Node | undefined, report: Report): RolloutPolicy {
  const own = get(get(service, 'x-slipway'), 'rollout')
  const shared = get(stack, 'rollout')
  const deadline = (key: string): number | null =>
    readDuration(own, key, report, DEADLINES) ?? readDuration(shared, key, report, DEADLINES)
  const drainMs = readDuration(own, 'drain', report, DRAINS) ?? readDuration(shared, 'drain', report, DRAINS)
  const scope = readText(own, 'scope') ?? readText(shared, 'scope')
  const onRollback = readText(own, 'on_rollback') ?? readText(shared, 'on_rollback')
  return {
    healthyDeadlineMs: deadline('healthy_deadline') ?? ROLLOUT_DEFAULTS.healthyDeadlineMs,
    progressDeadlineMs: deadline('progress_deadline') ?? ROLLOUT_DEFAULTS.progressDeadlineMs,
    scope: scope === 'stack' || scope === 'service' ? scope : ROLLOUT_DEFAULTS.scope,
    onRollback: onRollback === 'revert' || onRollback === 'pull-request' ? onRollback : ROLLOUT_DEFAULTS.onRollback,
    ...(drainMs === null ? {} : { drainMs }),
  }
}

export function readProbe(service: Node, report: Report): ProbeSpec | null {
  const probe = get(get(service, 'x-slipway'), 'probe')
  const [http, tcp] = [get(probe, 'http'), get(probe, 'tcp')]
  if (http !== undefined && tcp !== undefined)
    report.error('CONFLICT', keyOf(probe, 'tcp') ?? tcp, 'a probe is either http or tcp; keep one of them')
  if (http !== undefined) return httpProbe(http, report)
  if (tcp !== undefined) return tcpProbe(tcp, report)
  if (probe !== undefined && probe.kind === 'map' && probe.entries.size === 0)
    report.error('FIELD_MISSING', probe, 'the probe says nothing; write http: {port: 8080} or tcp: {port: 5432}')
  return null
}

function httpProbe(node: Node, report: Report): ProbeSpec | null {
  const port = readInteger(node, 'port', PORTS, report)
  const [expectMin, expectMax] = readExpect(get(node, 'expect'), report)
  const timeoutMs = readDuration(node, 'timeout', report, TIMEOUTS) ?? PROBE_DEFAULTS.timeoutMs
  const path = readText(node, 'path') ?? PROBE_DEFAULTS.path
  const scheme = readText(node, 'scheme') === 'https' ? 'https' : PROBE_DEFAULTS.scheme
  const host = readText(node, 'host') ?? PROBE_DEFAULTS.host
  return port === null ? null : { kind: 'http', port, path, scheme, host, expectMin, expectMax, timeoutMs }
}

function tcpProbe(node: Node, report: Report): ProbeSpec | null {
  const port = readInteger(node, 'port', PORTS, report)
  const timeoutMs = readDuration(node, 'timeout', report, TIMEOUTS) ?? PROBE_DEFAULTS.timeoutMs
  return port === null ? null : { kind: 'tcp', port, timeoutMs }
}

export function readExpect(
  node: Node | undefined,
  report: Report,
  defaults: readonly [number, number] = [PROBE_DEFAULTS.expectMin, PROBE_DEFAULTS.expectMax],
): readonly [number, number] {
  if (node === undefined) return defaults
  const [whole, from = '', to = from] = /^([0-9]{3})(?:-([0-9]{3}))?$/.exec(textOf(node)) ?? []
  const [min, max] = [Number(from), Number(to)]
  if (whole !== undefined && min >= 100 && max <= 599 && min <= max) return [min, max]
  report.error(
    'FIELD_INVALID',
    node,
    `found ${describe(node)}, expected a status from 100 to 599, or a range such as 200-399`,
  )
  return defaults
}

/** Whether other stacks reach it by name. Only a fleet with proxies can. */
export function isExported(service: Node, isBalanced: boolean, report: Report): boolean {
  const node = get(get(service, 'x-slipway'), 'export')
  if (node === undefined || textOf(node) !== 'true') return false
  if (!isBalanced)
    report.warn(
      'FIELD_IGNORED',
      node,
      'ignored: names reach other stacks through proxies; set `ingress: true` in slipway.yaml',
    )
  return isBalanced
}

/** Any text; a change of it restarts the replicas. */
export function readRestartAt(service: Node): string | null {
  return readText(get(service, 'x-slipway'), 'restart_at')
}
