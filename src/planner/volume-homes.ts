import type { NetworkSeen, Server, VolumeSeen } from '../model/index.js'
import { violatedConstraint } from './constraints.js'
import { factsOf } from './context.js'
import type { Pending, PlanInput } from './context.js'
import { othersAt } from './ledger.js'
import type { Ledger } from './ledger.js'

/**
 * Where a slot's data lives.
 * `anywhere`: it has none yet, or each server may have its own. `at`: only these servers have it. `maybe`: servers that cannot be asked may.
 */
export type VolumeHomes =
  | { readonly kind: 'anywhere' }
  | { readonly kind: 'at'; readonly servers: ReadonlySet<string>; readonly volume: string }
  | { readonly kind: 'maybe'; readonly servers: readonly string[]; readonly volume: string }

const ANYWHERE: VolumeHomes = Object.freeze({ kind: 'anywhere' })

/**
 * A single replica stays with its volume. Of several, each has the volume of its server: a slot goes to one that has the volume and no
 * other replica of the service, and where there is none, to a server without.
 */
export function volumeHomes(pending: Pending, ledger: Ledger): VolumeHomes {
  const { context, from } = pending
  const volume = context.volumes[0]?.name
  if (volume === undefined || pending.only !== null) return ANYWHERE
  const homes = context.survey.byName.filter(({ name }) => holdsData(pending, ledger, name)).map(({ name }) => name)
  const isSingle = context.spec.replicas <= 1 || context.spec.mode === 'job'
  const free = isSingle ? homes : homes.filter((name) => othersAt(pending, ledger, name) === 0)
  if (free.length > 0) return { kind: 'at', servers: new Set(free), volume }
  const silent =
    isSingle && from === null ? context.survey.byName.filter((server) => mayHoldData(pending, ledger, server)) : []
  return silent.length === 0 ? ANYWHERE : { kind: 'maybe', servers: silent.map(({ name }) => name), volume }
}

export function isHome(homes: VolumeHomes, server: string): boolean {
  return homes.kind === 'anywhere' || (homes.kind === 'at' && homes.servers.has(server))
}

/** Volumes of other fleets and people are no home: the name is taken there, which the filters say. */
function holdsData({ context }: Pending, { usage, volumes }: Ledger, server: string): boolean {
  const there = usage.get(server)?.volumes
  const planned = volumes.get(server)
  return context.volumes.some(({ name, external }) => {
    const seen = there?.get(name)
    return planned?.has(name) === true || (seen !== undefined && (external || isOurs(seen, context.input)))
  })
}

/** What `docker compose` made for the same project is taken over, a volume with its data: the manifest says the same of it as before. */
export function isOurs(
  { fleet, project }: VolumeSeen | NetworkSeen,
  input: Pick<PlanInput, 'fleet' | 'stack'>,
): boolean {
  return fleet === null ? project === input.stack.name : fleet === input.fleet.name
}

/** A server that does not answer, whose volumes nobody remembers, and where the service could have run. */
function mayHoldData({ context }: Pending, { usage }: Ledger, server: Server): boolean {
  const { survey, input, spec } = context
  if (!survey.unreachable.has(server.name) || (usage.get(server.name)?.volumes ?? null) !== null) return false
  return violatedConstraint(spec.placement.constraints, server, factsOf(input, server.name)) === null
}
