import { compareText } from '../model/index.js'
import type { ForeignContainer, Listing, Replica, ServiceSpec, Slot, Stack } from '../model/index.js'

/** A container that something else made. */
export interface Candidate {
  readonly server: string
  readonly container: ForeignContainer
}

/** One that a person says is of this service: nothing on it tells. */
export interface Named extends Candidate {
  readonly service: string
}

/** A container of the Compose project that the stack is called after. */
interface Composed extends Candidate {
  readonly container: ForeignContainer & { readonly compose: NonNullable<ForeignContainer['compose']> }
}

/** The slot that such a container is to have. `isSurplus`: the stack wants fewer, so it goes with the next rollout. */
export interface Adoptee extends Candidate {
  readonly slot: Slot
  readonly spec: ServiceSpec
  readonly isSurplus: boolean
}

export interface AdoptionPlan {
  readonly adoptees: readonly Adoptee[]
  /** Of services that the stack does not have: left alone. */
  readonly strangers: readonly Candidate[]
  /** Taken over before. */
  readonly adopted: readonly Replica[]
  /** Made by hand, and perhaps of this service, by their image or name: left alone until somebody says so. */
  readonly lookalikes: readonly Named[]
}

/**
 * Which slots the containers of a Compose project get, and those that a person names. Compose counts on each server by itself, so a number is kept where it is
 * free, and the next free one taken where it is not; the first servers by name choose first.
 */
export function planAdoption(
  stack: Stack,
  listings: ReadonlyMap<string, Listing>,
  named: readonly Named[] = [],
): AdoptionPlan {
  const sorted = [...listings].sort(([a], [b]) => compareText(a, b))
  const composed = sorted.flatMap(([server, { foreign }]) => composedOn(server, foreign, stack.name))
  const replicas = sorted.flatMap(([, listing]) => listing.replicas.filter(({ slot }) => slot.stack === stack.name))
  const adoptees = stack.services.flatMap((spec) => {
    const own = composed.filter(({ container }) => container.compose.service === spec.name)
    const said = named.filter(({ service }) => service === spec.name)
    const taken = new Set(replicas.filter(({ slot }) => slot.service === spec.name).map(({ slot }) => slot.key))
    const all = [...own, ...said].map(({ server, container }) => ({ server, container }))
    return spec.mode === 'global' ? ontoServers(spec, all, taken) : ontoNumbers(spec, all, taken)
  })
  const known = new Set(stack.services.map(({ name }) => name))
  const used = new Set(adoptees.map(({ container }) => container.containerId))
  const plain = sorted.flatMap(([server, { foreign }]) =>
    foreign
      .filter(({ compose, containerId }) => compose === undefined && !used.has(containerId))
      .map((container) => ({ server, container })),
  )
  return {
    adoptees,
    strangers: composed.filter(({ container }) => !known.has(container.compose.service)),
    adopted: replicas.filter(({ controller }) => controller === ''),
    lookalikes: plain.flatMap((one) => {
      const spec = stack.services.find((service) => looksLike(one.container, service))
      return spec === undefined ? [] : [{ ...one, service: spec.name }]
    }),
  }
}

function looksLike({ name, image }: ForeignContainer, { stack, name: service, image: wanted }: ServiceSpec): boolean {
  if (image !== undefined && plainImage(image) === plainImage(wanted)) return true
  const bare = name.replace(/[-_.]?[0-9]+$/, '')
  return [service, `${stack}-${service}`, `${stack}_${service}`].includes(bare)
}

/** As people write it who leave out what goes without saying. */
function plainImage(image: string): string {
  return image
    .replace(/^(?:docker\.io|index\.docker\.io)\//, '')
    .replace(/^library\//, '')
    .replace(/:latest$/, '')
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
  candidates: readonly Candidate[],
  before: ReadonlySet<string>,
): readonly Adoptee[] {
  const taken = new Set(before)
  return candidates.map((one) => {
    const isSurplus = taken.has(one.server)
    taken.add(one.server)
    return { ...one, slot: { stack: spec.stack, service: spec.name, key: one.server }, spec, isSurplus }
  })
}

function ontoNumbers(
  spec: ServiceSpec,
  candidates: readonly Candidate[],
  before: ReadonlySet<string>,
): readonly Adoptee[] {
  const taken = new Set(before)
  const kept = candidates.map((one) => {
    const key = String(one.container.compose?.number ?? '')
    const isFree = key !== '' && !taken.has(key) && Number(key) <= spec.replicas
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
