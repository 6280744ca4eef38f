import { compareText, containerName, isOfSwarm } from '../model/index.js'
import type { Problem, Replica } from '../model/index.js'
import { engineNeeds, joinedServices } from '../payload/index.js'
import { spreadValue } from './constraints.js'
import { factsOf } from './context.js'
import type { Pending } from './context.js'
import { explainPlacement } from './explain-placement.js'
import { claimedPorts } from './host-ports.js'
import { othersAt } from './ledger.js'
import type { Ledger } from './ledger.js'
import { fitOf } from './misfit.js'
import type { Fit, Misfit, Request } from './misfit.js'
import { volumeHomes } from './volume-homes.js'

/** Failures that a server may show in a row before it is taken only when nothing else fits. Swarm takes 5; a rollback comes sooner here. */
const REPEATED_FAILURES = 3

export type Placement =
  /** `handover`: the replica that leaves and whose ports the slot takes over. */
  | { readonly kind: 'at'; readonly server: string; readonly handover: Replica | null }
  | { readonly kind: 'nowhere'; readonly problem: Problem }

/** The server for a slot: every one that passes all filters, best by the scores in order, ties by name. */
export function placementFor(pending: Pending, ledger: Ledger): Placement {
  const request = requestOf(pending, ledger)
  const { byName } = pending.context.survey
  const candidates = pending.only === null ? byName : byName.filter(({ name }) => name === pending.only)
  const misfits: Misfit[] = []
  const fits: Candidate[] = []
  for (const server of candidates) {
    const fit = fitOf(request, server)
    if (fit.kind === 'misfit') misfits.push(fit.misfit)
    else fits.push(candidateOf(request, fit))
  }
  const best = bestOf(withSpread(request, fits))
  if (best === undefined) return { kind: 'nowhere', problem: explainPlacement(request, misfits) }
  return { kind: 'at', server: best.name, handover: best.handover }
}

function requestOf(pending: Pending, ledger: Ledger): Request {
  const { input, hash, restart, spec } = pending.context
  return {
    pending,
    ledger,
    ports: claimedPorts(spec),
    containerName: containerName({ fleet: input.fleet.name, slot: pending.slot, specHash: hash, restart }),
    homes: volumeHomes(pending, ledger),
    needs: engineNeeds(spec),
    joins: joinedServices(spec).map((service) => ({ service, server: serverOf(service, pending, ledger) })),
    swarm: swarmFor(pending),
  }
}

function swarmFor({ context: { spec, input, survey } }: Pending): Request['swarm'] {
  const isShared = input.stack.networks.some(
    (network) => isOfSwarm(network) && spec.networks.some((own) => own.network === network.name),
  )
  return isShared ? (survey.swarm?.members ?? []) : null
}

/** Where the container is, or will be, that a slot joins: of the same number, else the first. */
function serverOf(service: string, { slot }: Pending, { servers }: Ledger): string | null {
  return servers.get(`${service}#${slot.key}`) ?? servers.get(`${service}#1`) ?? null
}

/** A server that fits, with its scores; lower is better. */
interface Candidate {
  readonly name: string
  readonly handover: Replica | null
  readonly scores: readonly number[]
}

function candidateOf(
  { pending, ledger }: Request,
  { server, usage, handover }: Extract<Fit, { kind: 'fits' }>,
): Candidate {
  const { input } = pending.context
  const facts = factsOf(input, server.name)
  const share =
    facts === null
      ? 0
      : Math.max(usage.microCpus / (facts.cpus * 1e6 || 1), usage.memoryBytes / (facts.memoryBytes || 1))
  const failures = input.recentFailures.get(server.name) ?? 0
  return {
    name: server.name,
    handover,
    scores: [
      pending.stay === server.name ? 0 : 1,
      handover === null ? 0 : 1,
      failures >= REPEATED_FAILURES ? failures : 0,
      othersAt(pending, ledger, server.name),
      share,
      usage.replicas,
    ],
  }
}

/** Puts the spread preferences before the count of replicas: the emptier group first, for each preference in turn. */
function withSpread({ pending, ledger }: Request, candidates: readonly Candidate[]): readonly Candidate[] {
  const { survey, spec, input } = pending.context
  const groups = spec.placement.spread.map((key) => {
    const counts = new Map<string, number>()
    const valueAt = new Map(
      survey.byName.map((server) => [server.name, spreadValue(key, server, factsOf(input, server.name))]),
    )
    for (const [name, value] of valueAt) counts.set(value, (counts.get(value) ?? 0) + othersAt(pending, ledger, name))
    return (server: string) => counts.get(valueAt.get(server) ?? '') ?? 0
  })
  if (groups.length === 0) return candidates
  return candidates.map((candidate) => {
    const [stay, handover, failing, ...rest] = candidate.scores
    return {
      ...candidate,
      scores: [stay ?? 0, handover ?? 0, failing ?? 0, ...groups.map((group) => group(candidate.name)), ...rest],
    }
  })
}

function bestOf(candidates: readonly Candidate[]): Candidate | undefined {
  let best = candidates[0]
  for (const candidate of candidates) {
    if (best === undefined || compareCandidates(candidate, best) < 0) best = candidate
  }
  return best
}

function compareCandidates(a: Candidate, b: Candidate): number {
  for (let index = 0; index < a.scores.length; index += 1) {
    const difference = (a.scores[index] ?? 0) - (b.scores[index] ?? 0)
    if (difference !== 0) return difference
  }
  return compareText(a.name, b.name)
}
