import type { Change, Replica, Slot } from '../model/index.js'
import { awayVerdict, blocked, goneCauses, mayBeAnywhere } from './away.js'
import { sentence } from './context.js'
import type { Draft, ServiceContext } from './context.js'
import type { SlotReplicas } from './decide-slot.js'
import { byJobProgress, byOldest, byPlace, hasFinishedWell } from './fitness.js'
import { specCauses, unknownSpecCause } from './spec-causes.js'

/**
 * The one slot of a one-shot service. A run that is there stands, whatever became of it and wherever it is: whether a failure counts is the
 * rollout's verdict. A spec that finished once is never run again.
 */
export function decideJob(context: ServiceContext, slot: Slot, { listed, held }: SlotReplicas): Draft {
  const { hash } = context
  const runs = listed.filter((replica) => replica.specHash === hash && hasRun(replica)).sort(byJobProgress)
  const useless = listed.filter((replica) => replica.state === 'created' || replica.state === 'dead').sort(byPlace)
  const outdated = listed.filter((replica) => replica.specHash !== hash && hasRun(replica)).sort(byOldest)
  const swept = useless.map((replica) => drop(replica, 'surplus', 'created but never started'))
  const best = runs[0]
  if (best !== undefined) {
    const doubles = runs.slice(1).map((replica) => drop(replica, 'surplus', 'duplicate'))
    const older = outdated.map((replica) => drop(replica, 'surplus', 'an earlier run'))
    return { changes: [unchanged(context, best), ...doubles, ...older, ...swept], pending: null }
  }
  if (isDone(context, held))
    return {
      changes: [...outdated.map((replica) => drop(replica, 'unwanted', 'an earlier run')), ...swept],
      pending: null,
    }
  const verdict = awayVerdict(context, slot, held)
  if (verdict.kind === 'wait') return { changes: [blocked(context, slot, verdict.problem, [])], pending: null }
  if (listed.length === 0 && held.length === 0 && context.survey.neverListed.length > 0) {
    return { changes: [blocked(context, slot, mayBeAnywhere(context, slot), [])], pending: null }
  }
  const [from, ...others] = outdated
  const changes = [...others.map((replica) => drop(replica, 'surplus', 'an earlier run')), ...swept]
  const causes = from === undefined ? goneCauses(verdict) : changedCauses(context, from)
  const stay = from?.server ?? useless[0]?.server ?? null
  return { changes, pending: { context, slot, from: from ?? null, requested: false, stay, only: null, causes } }
}

function hasRun({ state }: Replica): boolean {
  return state !== 'created' && state !== 'dead' && state !== 'removing'
}

function isDone({ input, spec, hash }: ServiceContext, held: SlotReplicas['held']): boolean {
  return (
    input.jobsDone.has(`${spec.name}:${hash}`) ||
    held.some(({ replica }) => replica.specHash === hash && hasFinishedWell(replica))
  )
}

function unchanged({ spec }: ServiceContext, replica: Replica): Change {
  return { kind: 'unchanged', slot: replica.slot, server: replica.server, spec, replica }
}

function drop(replica: Replica, why: 'surplus' | 'unwanted', note: string): Change {
  return { kind: 'remove', slot: replica.slot, server: replica.server, replica, why, causes: [sentence(note)] }
}

function changedCauses({ input, spec, hash }: ServiceContext, from: Replica): ReturnType<typeof specCauses> {
  const old = input.specOf(from.specHash)
  return old === undefined ? [unknownSpecCause(from.specHash, hash)] : specCauses(old, spec)
}
