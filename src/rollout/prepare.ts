import { growingPauseMs, isOfSwarm, specHash, swarmOf } from '../model/index.js'
import type { Action, Change, ImagePin, NetworkSpec, Problem, ServiceSpec } from '../model/index.js'
import { combine } from './advice.js'
import type { Advice, Facts, Prepared } from './advice.js'
import { progressDeadlineAtMs } from './lifecycle.js'
import type { RolloutFact } from './facts.js'
import { isServerLost } from './progress.js'
import { specKey } from './state.js'

/** First pause after a failed preparation, doubled each time up to the second. */
const RETRY_FIRST_MS = 10_000
const RETRY_MOST_MS = 5 * 60_000

/** Something a server must have before a container can be made there. */
export interface Need {
  readonly key: string
  readonly action: Action
}

/** What a container of this spec needs on a server: its image, networks and volumes. */
export function needsOf(facts: Facts, spec: ServiceSpec, server: string): readonly Need[] {
  const { stack } = facts.target
  const known = [...stack.networks, ...(facts.proven?.networks ?? [])]
  const networks = spec.networks
    .map(({ network }) => known.find((candidate) => candidate.name === network))
    .filter((network) => network !== undefined)
  const mounted = new Set(spec.mounts.flatMap((mount) => (mount.kind === 'volume' ? [mount.source] : [])))
  const volumes = [
    ...new Map([...(facts.proven?.volumes ?? []), ...stack.volumes].map((volume) => [volume.name, volume])).values(),
  ].filter((volume) => mounted.has(volume.name))
  return [
    imageNeed(facts, spec, server),
    ...mountedImages(spec, server),
    ...networks.map((network) => networkNeed(facts, spec, network, server)),
    ...volumes.map((volume) => ({
      key: `${server}|volume|${volume.name}`,
      action: { kind: 'ensure-volume', server, stack: spec.stack, volume } as const,
    })),
  ]
}

/** A network of a Swarm is made once, by a manager, and is then on all its servers. */
function networkNeed({ observation }: Facts, { stack }: ServiceSpec, network: NetworkSpec, server: string): Need {
  const home = isOfSwarm(network) ? (swarmOf(observation)?.managers[0] ?? server) : server
  const action = { kind: 'ensure-network', server: home, stack, network } as const
  return { key: `${home}|network|${network.name}`, action }
}

/** Images whose files are mounted. No pin holds them: they are what their references say. */
function mountedImages(spec: ServiceSpec, server: string): readonly Need[] {
  const images = new Set(spec.mounts.flatMap((mount) => (mount.kind === 'image' ? [mount.source] : [])))
  const policy = spec.pullPolicy === 'never' ? 'never' : 'missing'
  return [...images].map((image) => pullOf(spec, server, image, policy))
}

/** Whether a need is met. What the container itself is made from is there once its image is known. */
function isMet(facts: Facts, spec: ServiceSpec, server: string, need: Need): boolean {
  const isOwn = need.key === imageNeed(facts, spec, server).key
  return isOwn ? preparedImage(facts, spec, server) !== null : facts.prepared.get(need.key)?.kind === 'done'
}

function imageNeed(facts: Facts, spec: ServiceSpec, server: string): Need {
  const pin = facts.state.pins[specKey(spec.name, specHash(spec))]
  return pullOf(
    spec,
    server,
    pin?.digest ?? spec.image,
    pin !== undefined && spec.pullPolicy !== 'never' ? 'missing' : spec.pullPolicy,
  )
}

function pullOf(spec: ServiceSpec, server: string, image: string, policy: ServiceSpec['pullPolicy']): Need {
  return {
    key: `${server}|image|${image}|${policy}`,
    action: { kind: 'pull', server, stack: spec.stack, image, policy, platform: spec.execution?.platform },
  }
}

/** The image a container of this spec is made from on a server, once it has been prepared; null before. */
export function preparedImage(facts: Facts, spec: ServiceSpec, server: string): ImagePin | null {
  const pin = facts.state.pins[specKey(spec.name, specHash(spec))]
  const byDigest = pin !== undefined && pin.digest !== null ? imageAt(facts, spec, server, pin.digest) : null
  const byTag = imageAt(facts, spec, server, spec.image)
  if (pin === undefined) return byTag
  if (pin.digest !== null) return byDigest ?? (byTag?.digest === pin.digest ? byTag : null)
  // An image without a digest is pinned by its id: a tag that moved on this server must not slip in.
  return byTag === null ? null : { digest: byTag.digest, id: pin.ids[server] ?? byTag.id }
}

/** The needs of a container that are not met yet. */
export function openNeeds(facts: Facts, spec: ServiceSpec, server: string): readonly Need[] {
  return needsOf(facts, spec, server).filter((need) => !isMet(facts, spec, server, need))
}

/**
 * On every server concerned: image pulled and pinned, networks and volumes there, placement possible. One failure and nothing that runs is
 * touched; tried again after a growing pause, or as soon as what blocked is gone.
 */
export function prepareRollout(facts: Facts): Advice {
  const rollout = facts.state.rollout
  const blocked = facts.plan.changes.filter(
    (change) => change.kind === 'blocked' && !isServerLost(facts, change),
  ) as readonly Extract<Change, { kind: 'blocked' }>[]
  const away = blocked.filter((change) => change.problem.code === 'SERVER_UNREACHABLE')
  const refused = blocked.filter((change) => change.problem.code !== 'SERVER_UNREACHABLE')
  const targets = runTargets(facts)
  const since = rollout?.blocked?.retryAtMs ?? 0
  const needs = targets.flatMap(({ spec, server }) =>
    needsOf(facts, spec, server).filter((need) => need.action.kind !== 'pull' || !isMet(facts, spec, server, need)),
  )
  const answers = new Map(
    needs.map((need) => [need.key, freshAnswer(facts.prepared.get(need.key), since, facts.nowMs)]),
  )
  const failed = [...answers.values()].filter((answer) => answer?.kind === 'failed')
  const problems = [...refused.map((change) => change.problem), ...failed.map((answer) => answer.problem)]
  const waiting = away.map((change) => ({
    service: change.slot.service,
    slot: change.slot.key,
    problem: change.problem,
  }))
  if (rollout !== null && rollout.blocked !== null && problems.length > 0 && facts.nowMs < rollout.blocked.retryAtMs)
    return combine([{ waiting, wakeAtMs: rollout.blocked.retryAtMs }])
  const missing = uniqueByKey(needs).filter(
    (need) => answers.get(need.key) === undefined && !facts.preparing.has(need.key),
  )
  const open = needs.some((need) => answers.get(need.key) === undefined)
  if (open) return combine([{ waiting, actions: missing.map((need) => need.action) }])
  if (problems.length > 0) return { ...combine([{ waiting }]), facts: [blockedFact(facts, problems)], again: true }
  if (away.length > 0) return combine([{ waiting, wakeAtMs: progressDeadlineAtMs(facts) }])
  return pinOrGoOn(facts, targets)
}

/** A failure from before the pause ended is no answer any more. */
function freshAnswer(answer: Prepared | undefined, sinceMs: number, nowMs: number): Prepared | undefined {
  return answer?.kind === 'failed' && answer.atMs < sinceMs && nowMs >= sinceMs ? undefined : answer
}

interface RunTarget {
  readonly spec: ServiceSpec
  readonly server: string
}

function runTargets(facts: Facts): readonly RunTarget[] {
  return facts.plan.changes.flatMap((change) => {
    if (change.kind === 'create') return [{ spec: change.spec, server: change.server }]
    return change.kind === 'replace' && change.successor === null ? [{ spec: change.spec, server: change.server }] : []
  })
}

function uniqueByKey(needs: readonly Need[]): readonly Need[] {
  return [...new Map(needs.map((need) => [need.key, need])).values()]
}

function blockedFact(facts: Facts, problems: readonly Problem[]): RolloutFact {
  const attempt = (facts.state.rollout?.blocked?.attempt ?? 0) + 1
  const pause = growingPauseMs(attempt, RETRY_FIRST_MS, RETRY_MOST_MS)
  const unique = [...new Map(problems.map((problem) => [`${problem.code} ${problem.message}`, problem])).values()]
  return {
    kind: 'rollout-blocked',
    atMs: facts.nowMs,
    stack: facts.target.stack.name,
    problems: unique,
    retryAtMs: facts.nowMs + pause,
    attempt,
  }
}

/** Every server must run the same bytes: where a tag moved between two pulls, the first server's digest is pulled on the others. */
function pinOrGoOn(facts: Facts, targets: readonly RunTarget[]): Advice {
  const unpinned = facts.target.stack.services.filter(
    (spec) =>
      facts.state.pins[specKey(spec.name, specHash(spec))] === undefined &&
      targets.some((target) => target.spec === spec),
  )
  const pieces = unpinned.map((spec) =>
    pinService(
      facts,
      spec,
      [...new Set(targets.filter((target) => target.spec === spec).map((target) => target.server))].sort(),
    ),
  )
  const advice = combine(pieces)
  if (advice.actions.length > 0 || advice.facts.some((fact) => fact.kind === 'rollout-blocked')) return advice
  // Facts of a pin that waits for another service's repeated pull are emitted once that is done.
  if (pieces.some((piece) => (piece.facts ?? []).length === 0))
    return combine([{ waiting: advice.waiting, wakeAtMs: advice.wakeAtMs }])
  const prepared: RolloutFact = { kind: 'rollout-prepared', atMs: facts.nowMs, stack: facts.target.stack.name }
  return { ...combine([]), facts: [...advice.facts, prepared], again: true }
}

function pinService(facts: Facts, spec: ServiceSpec, servers: readonly string[]): Partial<Advice> {
  const found = servers.map((server) => ({ server, pin: imageAt(facts, spec, server, spec.image) }))
  const digest = found.map(({ pin }) => pin?.digest ?? null).find((candidate) => candidate !== null) ?? null
  const deviating = found.filter(({ pin }) => digest !== null && pin?.digest !== digest)
  const again = deviating.map(({ server }) => pullOf(spec, server, digest ?? spec.image, 'missing'))
  const missing = again.filter((need) => facts.prepared.get(need.key)?.kind !== 'done')
  if (missing.length > 0) return pullAgain(facts, missing)
  const ids = Object.fromEntries(
    found.map(({ server, pin }) => [server, imageAt(facts, spec, server, digest ?? spec.image)?.id ?? pin?.id ?? '']),
  )
  return {
    facts: [
      {
        kind: 'image-pinned',
        atMs: facts.nowMs,
        stack: spec.stack,
        service: spec.name,
        specHash: specHash(spec),
        image: spec.image,
        digest,
        ids,
      },
    ],
  }
}

function pullAgain(facts: Facts, missing: readonly Need[]): Partial<Advice> {
  const blocked = facts.state.rollout?.blocked ?? null
  const failed = missing
    .map((need) => freshAnswer(facts.prepared.get(need.key), blocked?.retryAtMs ?? 0, facts.nowMs))
    .find((answer) => answer?.kind === 'failed')
  if (failed?.kind !== 'failed')
    return { actions: missing.filter((need) => !facts.preparing.has(need.key)).map((need) => need.action) }
  if (blocked !== null && facts.nowMs < blocked.retryAtMs) return { wakeAtMs: blocked.retryAtMs }
  return { facts: [blockedFact(facts, [failed.problem])], again: true }
}

function imageAt(facts: Facts, spec: ServiceSpec, server: string, image: string): ImagePin | null {
  const policies: readonly ServiceSpec['pullPolicy'][] = ['missing', spec.pullPolicy]
  for (const policy of policies) {
    const found = facts.prepared.get(`${server}|image|${image}|${policy}`)
    if (found?.kind === 'done' && found.image !== null) return found.image
  }
  return null
}
