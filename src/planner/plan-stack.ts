import { compareSlots, compareText, invariant } from '../model/index.js'
import type { Cause, Change, Replica, ServiceSpec, Slot, StackPlan } from '../model/index.js'
import { blocked, serverAway } from './away.js'
import { evictionCause, sentence, serviceContext, slotOf } from './context.js'
import type { Draft, Pending, PlanInput, ServiceContext } from './context.js'
import { decideJob } from './decide-job.js'
import { decideSlot, isCurrent, settle } from './decide-slot.js'
import type { SlotReplicas } from './decide-slot.js'
import { placeAll } from './place-all.js'
import { reroutes } from './reroutes.js'
import { surveyOf } from './survey.js'
import type { Survey } from './survey.js'
import type { HeldReplica, SeenReplicas } from './usage.js'

/**
 * What must change in one stack, and why. Pure: the same input gives the same plan, whatever the order in which replicas were listed.
 * Nothing is ever planned on a server that was not listed this tick.
 */
export function planStack(input: PlanInput): StackPlan {
  const { stack, usage } = input
  invariant(usage.observation === input.observation, 'usage was measured from the observation that is planned with')
  const survey = surveyOf(input.fleet, usage)
  const seen = usage.replicas.get(stack.name) ?? NOTHING_SEEN
  const changes: Change[] = []
  const pending: Pending[] = []
  let isSorted = true
  for (const spec of stack.services) {
    const draft = planService(serviceContext(input, survey, spec), seen.get(spec.name) ?? NONE_SEEN)
    for (const change of draft.changes) changes.push(change)
    for (const slot of draft.pending) pending.push(slot)
    isSorted &&= draft.isSorted
  }
  const wanted = new Set(stack.services.map((spec) => spec.name))
  for (const [service, replicas] of seen) {
    if (wanted.has(service)) continue
    for (const replica of replicas.listed) changes.push(...unwanted(replica, sentence('service removed')))
    isSorted = false
  }
  const ways = reroutes(input.proven, stack)
  const about = { stack: stack.name, ...(ways.length === 0 ? {} : { reroutes: ways }) }
  if (pending.length === 0) return { ...about, changes: isSorted ? changes : changes.sort(compareChanges) }
  return { ...about, changes: placeAll(input, changes, pending).sort(compareChanges) }
}

const NOTHING_SEEN: ReadonlyMap<string, SeenReplicas> = new Map()
const NONE_SEEN: SeenReplicas = Object.freeze({ listed: [], held: [] })

interface ServiceDraft {
  readonly changes: readonly Change[]
  readonly pending: readonly Pending[]
  readonly isSorted: boolean
}

function planService(context: ServiceContext, seen: SeenReplicas): ServiceDraft {
  const slots = bySlot(seen)
  const keys = wantedKeys(context)
  const changes: Change[] = []
  const pending: Pending[] = []
  let isSorted = true
  let filled = 0
  for (const key of keys) {
    const found = slots.get(key)
    if (found !== undefined) filled += 1
    const only = found === undefined ? undefined : soleCurrent(context, key, found)
    if (only !== undefined) {
      changes.push(settle(context, only))
      continue
    }
    const draft = decide(context, key, found ?? NONE_SEEN)
    if (draft.changes.length > 1) isSorted = false
    changes.push(...draft.changes)
    if (draft.pending !== null) pending.push(withCreateCause(draft.pending, slots))
  }
  if (slots.size === filled) return { changes, pending, isSorted }
  return { changes: [...changes, ...unwantedSlots(context, slots, new Set(keys))], pending, isSorted: false }
}

/** The replica of a slot that has exactly one, where it should be: nearly every slot of nearly every tick. */
function soleCurrent(context: ServiceContext, key: string, { listed }: SlotReplicas): Replica | undefined {
  const [only] = listed
  const { mode } = context.spec
  if (only === undefined || listed.length !== 1 || mode === 'job' || (mode === 'global' && only.server !== key))
    return undefined
  return isCurrent(context, only) ? only : undefined
}

function unwantedSlots(
  context: ServiceContext,
  slots: ReadonlyMap<string, SlotReplicas>,
  wanted: ReadonlySet<string>,
): readonly Change[] {
  const extra = [...slots].filter(([key]) => !wanted.has(key))
  return extra.flatMap(([, { listed }]) =>
    listed.flatMap((replica) => unwanted(replica, unwantedCause(context, replica, slots))),
  )
}

function decide(context: ServiceContext, key: string, found: SlotReplicas): Draft {
  const slot = slotOf(context, key)
  if (context.spec.mode === 'job') return decideJob(context, slot, found)
  if (context.spec.mode === 'global') {
    const { unreachable } = context.survey
    if (unreachable.has(key))
      return {
        changes: [blocked(context, slot, serverAway(context, slot, unreachable.get(key) ?? null), [])],
        pending: null,
      }
    return decideGlobalSlot(context, slot, found)
  }
  return decideSlot(context, slot, found)
}

/** A replica of the slot on another server, which happens when servers exchange names, is not in its place. */
function decideGlobalSlot(context: ServiceContext, slot: Slot, { listed }: SlotReplicas): Draft {
  const draft = decideSlot(context, slot, { listed: listed.filter((replica) => replica.server === slot.key), held: [] })
  const strays = listed.filter((replica) => replica.server !== slot.key)
  if (strays.length === 0) return draft
  return {
    ...draft,
    changes: [...draft.changes, ...strays.flatMap((replica) => unwanted(replica, sentence(`is not on ${slot.key}`)))],
  }
}

/** `1` to `N`; for a global service the servers it belongs on, but for those that are lost. */
function wantedKeys(context: ServiceContext): readonly string[] {
  const { survey, spec } = context
  switch (spec.mode) {
    case 'job':
      return ['1']
    case 'replicated':
      return numbers(spec.replicas)
    case 'global':
      return survey.byName.flatMap(({ name }) =>
        isLost(survey, name) || evictionCause(context, name) !== null ? [] : [name],
      )
  }
}

function isLost({ unreachable, isCutOff }: Survey, server: string): boolean {
  return unreachable.get(server)?.phase === 'lost' && !isCutOff
}

function numbers(count: number): readonly string[] {
  const keys: string[] = []
  for (let n = 1; n <= count; n += 1) keys.push(String(n))
  return keys
}

interface OpenSlot {
  readonly listed: Replica[]
  held: readonly HeldReplica[]
}

function bySlot({ listed, held }: SeenReplicas): ReadonlyMap<string, SlotReplicas> {
  const slots = new Map<string, OpenSlot>()
  for (const replica of listed) {
    const slot = slots.get(replica.slot.key)
    if (slot === undefined) slots.set(replica.slot.key, { listed: [replica], held: NONE_SEEN.held })
    else slot.listed.push(replica)
  }
  for (const one of held) {
    const { key } = one.replica.slot
    const slot = slots.get(key)
    if (slot === undefined) slots.set(key, { listed: [], held: [one] })
    else slot.held = [...slot.held, one]
  }
  return slots
}

/** A container on its way out needs nobody. */
function unwanted(replica: Replica, cause: Cause): readonly Change[] {
  const { slot, server } = replica
  return replica.state === 'removing'
    ? []
    : [{ kind: 'remove', slot, server, replica, why: 'unwanted', causes: [cause] }]
}

function unwantedCause(
  context: ServiceContext,
  { slot, server }: Replica,
  slots: ReadonlyMap<string, SlotReplicas>,
): Cause {
  const { spec } = context
  const from = highest(slots)
  if (spec.mode === 'replicated' && Number(slot.key) > spec.replicas) return scaled(from, spec)
  if (spec.mode !== 'global' || Number(slot.key) > 0) return sentence(`service is ${spec.mode} now`)
  return evictionCause(context, server) ?? sentence(`slot ${slot.key} is not on ${server}`)
}

function scaled(from: number, spec: ServiceSpec): Cause {
  return { field: 'deploy.replicas', from: String(from), to: String(spec.replicas) }
}

/** The highest number among the slots that have replicas; 0 when there is none. */
function highest(slots: ReadonlyMap<string, SlotReplicas>): number {
  let top = 0
  for (const key of slots.keys()) top = Math.max(top, Number(key) || 0)
  return top
}

/** Where nothing else says why a slot is empty: what the slots around it tell. */
function withCreateCause(pending: Pending, slots: ReadonlyMap<string, SlotReplicas>): Pending {
  if (pending.from !== null || pending.causes.length > 0) return pending
  const { spec } = pending.context
  const top = highest(slots)
  if (slots.size === 0) return { ...pending, causes: [sentence('new service')] }
  if (spec.mode === 'replicated' && top > 0 && Number(pending.slot.key) > top)
    return { ...pending, causes: [scaled(top, spec)] }
  return { ...pending, causes: [sentence('replica missing')] }
}

function compareChanges(a: Change, b: Change): number {
  return (
    compareSlots(a.slot, b.slot) ||
    Number(a.kind === 'remove') - Number(b.kind === 'remove') ||
    compareText(placeOf(a), placeOf(b))
  )
}

function placeOf(change: Change): string {
  return change.kind === 'remove' ? `${change.server} ${change.replica.containerId}` : ''
}
