import { compareText } from '../model/index.js'
import type { ForeignContainer, Listing, Replica, ServiceSpec, Slot, Stack } from '../model/index.js'

/** A container of the Compose project that the stack is called after. */
export interface Composed {
  readonly server: string
  readonly container: ForeignContainer & { readonly compose: NonNullable<ForeignContainer['compose']> }
}

/** The slot that such a container is to have. `isSurplus`: the stack wants fewer, so it goes with the next rollout. */
export interface Adoptee extends Composed {
  readonly slot: Slot
  readonly spec: ServiceSpec
  readonly isSurplus: boolean
}

export interface AdoptionPlan {
  readonly adoptees: readonly Adoptee[]
  /** Of services that the stack does not have: left alone. */
  readonly strangers: readonly Composed[]
  /** Taken over before. */
  readonly adopted: readonly Replica[]
}

/**
 * Which slots the containers of a Compose project get. Compose counts on each server by itself, so a number is kept where it is free, and the next free one
 * taken where it is not; the first servers by name choose first.
 */
export function planAdoption(stack: Stack, listings: ReadonlyMap<string, Listing>): AdoptionPlan {
  const composed = [...listings]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([server, { foreign }]) => composedOn(server, foreign, stack.name))
  const replicas = [...listings.values()].flatMap((listing) =>
    listing.replicas.filter(({ slot }) => slot.stack === stack.name),
  )
  const adoptees = stack.services.flatMap((spec) => {
    const own = composed.filter(({ container }) => container.compose.service === spec.name)
    const taken = new Set(replicas.filter(({ slot }) => slot.service === spec.name).map(({ slot }) => slot.key))
    return spec.mode === 'global' ? ontoServers(spec, own, taken) : ontoNumbers(spec, own, taken)
  })
  const known = new Set(stack.services.map(({ name }) => name))
  return {
    adoptees,
    strangers: composed.filter(({ container }) => !known.has(container.compose.service)),
    adopted: replicas.filter(({ controller }) => controller === ''),
  }
}

function composedOn(server: string, foreign: readonly ForeignContainer[], project: string): readonly Composed[] {
  return foreign
    .flatMap((container): readonly Composed[] => {
      const { compose } = container
      return compose?.project === project ? [{ server, container: { ...container, compose } }] : []
    })
    .sort(
      (a, b) =>
        a.container.compose.number - b.container.compose.number || compareText(a.container.name, b.container.name),
    )
}

function ontoServers(
  spec: ServiceSpec,
  composed: readonly Composed[],
  before: ReadonlySet<string>,
): readonly Adoptee[] {
  const taken = new Set(before)
  return composed.map((one) => {
    const isSurplus = taken.has(one.server)
    taken.add(one.server)
    return { ...one, slot: { stack: spec.stack, service: spec.name, key: one.server }, spec, isSurplus }
  })
}

function ontoNumbers(
  spec: ServiceSpec,
  composed: readonly Composed[],
  before: ReadonlySet<string>,
): readonly Adoptee[] {
  const taken = new Set(before)
  const kept = composed.map((one) => {
    const key = String(one.container.compose.number)
    const isFree = !taken.has(key) && Number(key) <= spec.replicas
    if (isFree) taken.add(key)
    return { one, key: isFree ? key : null }
  })
  return kept.map(({ one, key }) => {
    const chosen = key ?? firstFree(taken)
    taken.add(chosen)
    const isSurplus = Number(chosen) > spec.replicas
    return { ...one, slot: { stack: spec.stack, service: spec.name, key: chosen }, spec, isSurplus }
  })
}

function firstFree(taken: ReadonlySet<string>): string {
  let number = 1
  while (taken.has(String(number))) number += 1
  return String(number)
}
