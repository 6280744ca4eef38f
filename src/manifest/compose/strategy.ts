import { isCookieName, isHeaderName, isHeaderValue } from '../../ingress/index.js'
import type { CanaryLimits, CanaryMatch, CanaryStep, ServiceSpec, Strategy } from '../../model/index.js'
import { declaredPorts } from '../../names/index.js'
import type { Node } from '../node.js'
import { describe, get, items, keyOf, quoted, textOf } from '../node.js'
import { parseDuration } from '../quantities.js'
import { readChecks } from './canary-checks.js'
import { readDuration, readInteger, readNumber, readText } from '../read.js'
import type { Report } from '../report.js'
import type { StackContext } from './context.js'

export const STRATEGY_DEFAULTS = Object.freeze({
  keepMs: 30_000,
  limits: Object.freeze({ leastRequests: 20, errorRatio: 0.01, p95Ratio: 2 }) satisfies CanaryLimits,
})

const KEEP = { min: 0, max: 7 * 86_400_000 }
const LONGEST_STEP_MS = 30 * 86_400_000
const MOST_STEPS = 20

/** Keys beside `strategy`, and whose they are. */
const OWNERS: Readonly<Record<string, Strategy['kind']>> = {
  steps: 'canary',
  match: 'canary',
  limits: 'canary',
  checks: 'canary',
  keep: 'blue-green',
}

/**
 * `x-slipway.rollout.strategy` of a service whose other settings are read. One at the top of the file is for the services that can have it, and no word is
 * lost on the others. Undefined: rolling.
 */
export function readStrategy(
  service: Node,
  shared: Node | undefined,
  spec: ServiceSpec,
  context: StackContext,
): Strategy | undefined {
  const [own, top] = [get(get(service, 'x-slipway'), 'rollout'), get(shared, 'rollout')]
  for (const rollout of [own, top]) checkOwners(rollout, own === rollout, readText(top, 'strategy'), context.report)
  const kind = readText(own, 'strategy') ?? readText(top, 'strategy')
  if (kind !== 'canary' && kind !== 'blue-green') return undefined
  const spot = keyOf(own, 'strategy')
  const why = whyNot(spec, context)
  if (why !== null && spot === undefined) return undefined
  if (why !== null && spot !== undefined)
    context.report.error('CONFLICT', spot, `${kind} needs both old and new replicas behind the proxies: ${why}`)
  const said = (key: string): Node | undefined => get(own, key) ?? get(top, key)
  if (kind === 'canary') return readCanary(said, spec, spot ?? keyOf(top, 'strategy') ?? service, context)
  const holder = get(own, 'keep') === undefined ? top : own
  return { kind, keepMs: readDuration(holder, 'keep', context.report, KEEP) ?? STRATEGY_DEFAULTS.keepMs }
}

/** What is said of one strategy where another one is chosen is a mistake. At the top it may be meant for services that choose it. */
function checkOwners(rollout: Node | undefined, isOwn: boolean, top: string | null, report: Report): void {
  const kind = readText(rollout, 'strategy') ?? (isOwn ? (top ?? 'rolling') : null)
  if (kind === null) return
  for (const [key, owner] of Object.entries(OWNERS)) {
    const spot = keyOf(rollout, key)
    if (spot !== undefined && kind !== owner)
      report.error(
        'CONFLICT',
        spot,
        `${quoted(key)} belongs to \`strategy: ${owner}\`, and this is ${kind}; remove one of them`,
      )
  }
}

/** Why a service cannot have both kinds of replicas behind the proxies; null: it can. */
function whyNot(spec: ServiceSpec, { isBalanced, isNamed }: StackContext): string | null {
  const { mode, networkMode, update, balanced, routes } = spec
  if (mode === 'job') return 'a one-shot service takes no requests'
  if (!isBalanced) return 'write `ingress: true` into slipway.yaml'
  if (networkMode !== null) return `no proxy reaches replicas with \`network_mode: ${networkMode}\``
  if (balanced === undefined && routes === undefined && !(isNamed && declaredPorts(spec).length > 0))
    return 'the service has no port; name it under `expose:` or `ports:`, or give it a route'
  if (update.order === 'stop-first') return 'remove `order: stop-first`'
  if (update.failureAction === 'continue') return 'what is worse is taken back; remove `failure_action: continue`'
  return whyAlone(spec)
}

/** Why two replicas cannot stand side by side in one slot. */
function whyAlone({ ports, mounts, networks, naming, update }: ServiceSpec): string | null {
  const port = ports.find(({ published }) => published !== null)
  if (port !== undefined) return `host port ${port.published} can be held only once; remove \`mode: host\``
  const fixed = [...networks.flatMap((one) => [one.ipv4Address, one.ipv6Address, one.macAddress]), naming?.macAddress]
  if (fixed.some((address) => address !== undefined)) return 'a fixed address can be held only once'
  const written = mounts.find((mount) => (mount.kind === 'volume' || mount.kind === 'bind') && !mount.readOnly)
  if (update.order === 'start-first' || written === undefined || !('source' in written)) return null
  return `it writes ${written.source}; mount that read-only, or write \`order: start-first\` under update_config where two may write it`
}

type Said = (key: string) => Node | undefined

function readCanary(
  said: Said,
  spec: ServiceSpec,
  spot: Parameters<Report['error']>[1],
  context: StackContext,
): Strategy | undefined {
  const { report } = context
  const steps = readSteps(said('steps'), report)
  if (said('steps') === undefined)
    report.error('FIELD_MISSING', spot, 'a canary needs its steps; write `steps: [5% 2m, 25% 5m]`')
  const match = readMatch(said('match'), spec, report)
  const limits = readLimits(said('limits'), report)
  const checks = readChecks(said('checks'), context)
  if (steps.length === 0) return undefined
  return {
    ...{ kind: 'canary', steps, limits },
    ...(match === null ? {} : { match }),
    ...(checks.length === 0 ? {} : { checks }),
  }
}

/** `5% 2m, 25% 5m` as a text or a list. */
function readSteps(node: Node | undefined, report: Report): readonly CanaryStep[] {
  if (node === undefined) return []
  const nodes = node.kind === 'list' ? items(node) : [node]
  const texts = nodes.flatMap((one) =>
    (node.kind === 'list' ? [textOf(one)] : textOf(one).split(',')).map((text) => ({ one, text: text.trim() })),
  )
  const steps: CanaryStep[] = []
  for (const { one, text } of texts) {
    const step = stepOf(text)
    const last = steps.at(-1)
    if (typeof step === 'string') report.error('FIELD_INVALID', one, `found ${describe(one)}: ${step}`)
    else if (last !== undefined && step.percent <= last.percent)
      report.error(
        'CONFLICT',
        one,
        `${step.percent}% does not come after ${last.percent}%; each step takes more than the one before`,
      )
    else steps.push(step)
  }
  if (texts.length > MOST_STEPS)
    report.error('VALUE_OUT_OF_RANGE', node, `${texts.length} steps are too many; at most ${MOST_STEPS}`)
  return steps
}

/** A step, or what is wrong with it. */
function stepOf(text: string): CanaryStep | string {
  const [whole, amount = '', time] = /^([0-9]{1,3}(?:\.[0-9]{1,2})?) ?%(?: +(\S+))?$/.exec(text) ?? []
  if (whole === undefined)
    return 'expected a share and a time such as 5% 2m, or a share alone that waits for slipway promote'
  const percent = Number(amount)
  if (percent <= 0 || percent > 100) return `${amount}% is no step; expected more than 0% and at most 100%`
  if (time === undefined) return { percent, holdMs: null }
  const holdMs = parseDuration(time)
  if (holdMs === null) return `${quoted(time)} is no duration such as 2m`
  return holdMs >= 1_000 && holdMs <= LONGEST_STEP_MS
    ? { percent, holdMs: Math.round(holdMs) }
    : `a step lasts from 1s to 30d, not ${time}`
}

function readMatch(node: Node | undefined, spec: ServiceSpec, report: Report): CanaryMatch | null {
  if (node === undefined) return null
  const [header, cookie, value] = [readText(node, 'header'), readText(node, 'cookie'), readText(node, 'value')]
  const kind = header !== null ? 'header' : 'cookie'
  const name = header ?? cookie
  if (name === null || (header !== null && cookie !== null)) {
    report.error('CONFLICT', node, 'say either `header:` or `cookie:`')
    return null
  }
  const isHttp = spec.routes !== undefined || (spec.balanced ?? []).some(({ protocol }) => protocol !== 'tcp')
  if (!isHttp)
    report.error(
      'CONFLICT',
      node,
      'connections have neither headers nor cookies; give the service a route, or a port with `app_protocol: http`',
    )
  if (!(kind === 'header' ? isHeaderName : isCookieName)(name))
    report.error('NAME_INVALID', get(node, kind) ?? node, `${quoted(name)} is no name of a ${kind}`)
  if (value !== null && !isHeaderValue(value))
    report.error('FIELD_INVALID', get(node, 'value') ?? node, `${quoted(value)} is no value of a ${kind}`)
  return { kind, name, value }
}

function readLimits(node: Node | undefined, report: Report): CanaryLimits {
  const { leastRequests, errorRatio, p95Ratio } = STRATEGY_DEFAULTS.limits
  return {
    leastRequests: readInteger(node, 'requests', { min: 0, max: 1_000_000_000 }, report) ?? leastRequests,
    errorRatio: readShare(get(node, 'errors'), report) ?? errorRatio,
    p95Ratio: readNumber(node, 'p95', { min: 1, max: 1_000 }, report) ?? p95Ratio,
  }
}

/** `1%`, or `0.01`. */
function readShare(node: Node | undefined, report: Report): number | null {
  if (node === undefined) return null
  const [whole, amount = '', percent] = /^([0-9]+(?:\.[0-9]+)?)( ?%)?$/.exec(textOf(node)) ?? []
  const share = Number(amount) / (percent === undefined ? 1 : 100)
  if (whole !== undefined && share <= 1) return share
  report.error('FIELD_INVALID', node, `found ${describe(node)}, expected a share of the requests such as 1%`)
  return null
}
