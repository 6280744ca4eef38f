import { formatSlot } from '../model/index.js'
import type { Change, Problem, Slot } from '../model/index.js'
import { sentence } from './context.js'
import type { ServiceContext } from './context.js'
import { formatDuration } from './show-value.js'
import type { HeldReplica, UnreachableView } from './usage.js'

/** What servers that cannot be looked at mean for a slot: it must wait, or it lost its replicas (which may be none) with these servers. */
export type AwayVerdict =
  | { readonly kind: 'wait'; readonly problem: Problem }
  | { readonly kind: 'gone'; readonly lost: readonly string[]; readonly left: readonly string[] }

/**
 * Unreachable is not empty: nothing is made anew for a replica that may still run. A lost server's replicas are made anew elsewhere, unless
 * their data stayed behind or the controller itself is cut off.
 */
export function awayVerdict(context: ServiceContext, slot: Slot, held: readonly HeldReplica[]): AwayVerdict {
  const { survey } = context
  const lost: string[] = []
  const left: string[] = []
  for (const { view } of sorted(held)) {
    if (!survey.servers.has(view.server)) left.push(view.server)
    else if (survey.isCutOff) return { kind: 'wait', problem: cutOff(context, slot, view) }
    else if (view.phase !== 'lost') return { kind: 'wait', problem: mayStillRun(context, slot, view) }
    else if (context.volumes.length > 0) return { kind: 'wait', problem: dataStayed(context, slot, view) }
    else lost.push(view.server)
  }
  return { kind: 'gone', lost, left }
}

function sorted(held: readonly HeldReplica[]): readonly HeldReplica[] {
  return held.length < 2 ? held : [...held].sort((a, b) => (a.view.server < b.view.server ? -1 : 1))
}

/** The problem of a slot that no server shows while some were never looked at. */
export function mayBeAnywhere(context: ServiceContext, slot: Slot): Problem {
  const servers = context.survey.neverListed
  return {
    ...place(context, servers[0] ?? ''),
    message: `${formatSlot(slot)} may run on ${servers.join(', ')}, which ${servers.length === 1 ? 'has' : 'have'} not been seen since the controller started`,
    next: {
      kind: 'wait',
      until: `${servers.join(' and ')} ${servers.length === 1 ? 'answers' : 'answer'}; or remove ${servers.length === 1 ? 'it' : 'them'} from slipway.yaml`,
    },
  }
}

/** The slot of a global service on a server that does not answer. */
export function serverAway(context: ServiceContext, slot: Slot, view: UnreachableView | null): Problem {
  if (view !== null) return mayStillRun(context, slot, view)
  return {
    ...place(context, slot.key),
    message: `${slot.key} has not been looked at yet`,
    next: { kind: 'wait', until: `${slot.key} answers` },
  }
}

function mayStillRun(context: ServiceContext, slot: Slot, view: UnreachableView): Problem {
  const server = context.survey.servers.get(view.server)
  const isMoved = context.spec.mode !== 'global' && context.volumes.length === 0
  const lostAfterMs = isMoved ? (server?.lostAfterMs ?? null) : null
  const end = lostAfterMs === null ? '' : `, or has been away for ${formatDuration(lostAfterMs)}`
  return {
    ...place(context, view.server),
    message: `${formatSlot(slot)} may still run on ${view.server}, which does not answer (${view.problem.message})`,
    next: { kind: 'wait', until: `${view.server} answers again${end}` },
  }
}

function cutOff(context: ServiceContext, slot: Slot, view: UnreachableView): Problem {
  const { unreachable, byName } = context.survey
  return {
    ...place(context, view.server),
    message: `${formatSlot(slot)} stays on ${view.server}: ${unreachable.size} of ${byName.length} servers do not answer, so the controller is probably cut off`,
    next: { kind: 'wait', until: 'at least half of the servers answer again' },
  }
}

function dataStayed(context: ServiceContext, slot: Slot, view: UnreachableView): Problem {
  const names = context.volumes.map((volume) => volume.name).join(', ')
  return {
    ...place(context, view.server),
    message: `${formatSlot(slot)} is not moved from ${view.server}, which is lost: its data is there (volume ${names})`,
    next: {
      kind: 'stalled',
      remedy: `bring ${view.server} back; or give its data up by removing it from slipway.yaml`,
    },
  }
}

function place({ spec }: ServiceContext, server: string): Pick<Problem, 'code' | 'server' | 'stack' | 'service'> {
  return { code: 'SERVER_UNREACHABLE', server, stack: spec.stack, service: spec.name }
}

/** A slot that must wait, as a change. */
export function blocked(
  { spec }: ServiceContext,
  slot: Slot,
  problem: Problem,
  causes: Extract<Change, { kind: 'blocked' }>['causes'],
): Change {
  return { kind: 'blocked', slot, spec, problem, causes }
}

export function goneCauses(
  verdict: Extract<AwayVerdict, { kind: 'gone' }>,
): Extract<Change, { kind: 'blocked' }>['causes'] {
  return [
    ...verdict.lost.map((name) => sentence(`server ${name} lost`)),
    ...verdict.left.map((name) => sentence(`server ${name} left the fleet`)),
  ]
}
