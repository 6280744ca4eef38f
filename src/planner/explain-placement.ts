import { formatSlot } from '../model/index.js'
import type { Next, Problem, ProblemCode } from '../model/index.js'
import { formatConstraint } from './constraints.js'
import { groupBy } from './group-by.js'
import { formatHostPort } from './host-ports.js'
import type { Misfit, Request } from './misfit.js'
import { formatBytes } from './show-value.js'
import type { PortHolder } from './usage.js'

/** Servers named for one reason; the count says how many there are. */
const NAMED_MAX = 5

/** Why no server takes a slot: each server counted at the first filter it failed, and what would change that. */
export function explainPlacement(request: Request, misfits: readonly Misfit[]): Problem {
  const { slot, context, only } = request.pending
  const { homes } = request
  const phrases = [...groupBy(misfits, phraseKey).values()].map((group) => phraseOf(request, group))
  const subject = only === null ? `no server fits ${formatSlot(slot)}` : `${formatSlot(slot)} does not fit ${only}`
  const data =
    homes.kind === 'maybe'
      ? [`its volume ${homes.volume} may be on ${homes.servers.join(', ')}, which cannot be asked now`]
      : []
  const servers = new Set(misfits.map((misfit) => misfit.server))
  return {
    code: codeOf(misfits),
    message: `${subject}: ${misfits.length === 0 ? 'the fleet has no server' : [...data, ...phrases].join(', ')}`,
    ...(servers.size === 1 ? { server: [...servers].join('') } : {}),
    stack: context.spec.stack,
    service: context.spec.name,
    next: nextOf(request, misfits),
  }
}

type Named = Extract<
  Misfit['kind'],
  'engine' | 'composed' | 'port' | 'name' | 'network' | 'no-swarm' | 'volume' | 'volume-missing'
>

const CODES: Readonly<Record<Named, ProblemCode>> = {
  engine: 'ENGINE_TOO_OLD',
  composed: 'COMPOSE_RUNS_IT',
  port: 'PORT_TAKEN',
  name: 'NAME_TAKEN',
  network: 'NETWORK_CONFLICT',
  'no-swarm': 'NETWORK_CONFLICT',
  volume: 'VOLUME_CONFLICT',
  'volume-missing': 'VOLUME_CONFLICT',
}

/** Servers that were never meant for the slot do not count: what keeps it from the others, if it is one thing, has a code of its own. */
function codeOf(misfits: readonly Misfit[]): ProblemCode {
  const kinds = new Set(misfits.map((misfit) => misfit.kind))
  for (const kind of ['drained', 'constraint', 'volume-elsewhere', 'joined-elsewhere'] as const) kinds.delete(kind)
  const [kind, ...others] = kinds
  return kind !== undefined && others.length === 0 && kind in CODES ? CODES[kind as Named] : 'NO_SERVER_FITS'
}

function phraseKey(misfit: Misfit): string {
  switch (misfit.kind) {
    case 'constraint':
      return `constraint ${formatConstraint(misfit.constraint)}`
    case 'engine':
      return `engine ${misfit.need.key} ${misfit.version}`
    case 'joined-elsewhere':
      return `joined ${misfit.service}`
    case 'port':
      return `port ${formatHostPort(misfit.port)}`
    case 'volume':
    case 'volume-missing':
    case 'network':
      return `${misfit.kind} ${misfit.name}`
    default:
      return misfit.kind
  }
}

function phraseOf(request: Request, group: readonly Misfit[]): string {
  const [first] = group
  if (first === undefined) return ''
  const n = group.length
  const one = n === 1
  const { spec } = request.pending.context
  const names = listNames(group.map((misfit) => misfit.server))
  switch (first.kind) {
    case 'unreachable':
      return `${n} ${one ? 'does' : 'do'} not answer (${names})`
    case 'drained':
      return `${n} ${one ? 'is' : 'are'} drained`
    case 'constraint':
      return `${n} ${one ? 'does' : 'do'} not match ${formatConstraint(first.constraint)}`
    case 'engine':
      return `${n} ${one ? 'has' : 'have'} Docker Engine ${first.version}, and ${first.need.key} needs API 1.${first.need.apiMinor} (${names})`
    case 'joined-elsewhere':
      return first.at === null
        ? `${first.service}, which it joins, has no server`
        : `${n} ${one ? 'is' : 'are'} not where ${first.service} is, which it joins (${first.at})`
    case 'no-swarm':
      return `${n} ${one ? 'is' : 'are'} not in the Swarm that its overlay network needs (${names})`
    case 'composed':
      return `docker compose runs it on ${n} (${listNames(group.map(formatHolder))})`
    case 'cpus':
      return `${n} ${one ? 'has' : 'have'} no ${spec.reservations.cpus} cpus left to reserve`
    case 'memory':
      return `${n} ${one ? 'has' : 'have'} no ${formatBytes(spec.reservations.memoryBytes)} of memory left to reserve`
    case 'port':
      return `host port ${formatHostPort(first.port)} is taken on ${n} (${listNames(group.map(formatHolder))})`
    case 'max-per-server':
      return `${n} ${one ? 'has' : 'have'} ${spec.placement.maxPerServer} already (max_replicas_per_node)`
    case 'volume-elsewhere':
      return `${n} ${one ? 'does' : 'do'} not hold its data (${dataOf(request)})`
    case 'name':
      return `${n} ${one ? 'has' : 'have'} a container ${request.containerName} that is not Slipway's (${names})`
    case 'volume':
      return `${n} ${one ? 'has' : 'have'} a volume ${first.name} that is not Slipway's (${names})`
    case 'volume-missing':
      return `${n} ${one ? 'does' : 'do'} not have the external volume ${first.name}`
    case 'network':
      return `${n} ${one ? 'has' : 'have'} a network ${first.name} that is not Slipway's (${names})`
  }
}

function dataOf({ homes }: Request): string {
  if (homes.kind === 'anywhere') return ''
  return homes.kind === 'at'
    ? `volume ${homes.volume} is on ${[...homes.servers].join(', ')}`
    : `volume ${homes.volume}`
}

function formatHolder(misfit: Misfit): string {
  if (misfit.kind === 'composed') return `${misfit.server} as container ${misfit.name}`
  return misfit.kind === 'port' ? `${misfit.server} by ${holderName(misfit.holder)}` : misfit.server
}

function holderName(holder: PortHolder): string {
  switch (holder.kind) {
    case 'foreign':
      return `container ${holder.name}, which is not Slipway's`
    case 'replica':
      return formatSlot(holder.replica.slot)
    case 'planned':
      return formatSlot(holder.slot)
  }
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, NAMED_MAX)
  return [...shown, ...(names.length > shown.length ? [`${names.length - shown.length} more`] : [])].join(', ')
}

/**
 * What must happen first. A server that answers again needs nobody; everything else needs a person. A port that this very plan frees does too: nothing
 * is touched before every slot fits somewhere, so it is never freed.
 */
function nextOf({ ledger }: Request, misfits: readonly Misfit[]): Next {
  const silent = misfits.filter((misfit) => misfit.kind === 'unreachable').map((misfit) => misfit.server)
  const freed = misfits.flatMap((misfit) =>
    misfit.kind === 'port' && misfit.holder.kind === 'replica' ? [misfit.holder.replica] : [],
  )
  const holder = freed.find(({ containerId }) => ledger.replaced.has(containerId) || ledger.leaving.has(containerId))
  if (holder !== undefined)
    return {
      kind: 'stalled',
      remedy: `take the port from ${formatSlot(holder.slot)} on ${holder.server} by a commit of its own first, or publish another`,
    }
  if (silent.length > 0) return { kind: 'wait', until: `${silent.join(' or ')} answers again` }
  const remedies = new Set(misfits.map((misfit) => REMEDIES[misfit.kind]))
  return { kind: 'stalled', remedy: [...remedies].join('; or ') || 'add a server to slipway.yaml' }
}

const REMEDIES: Readonly<Record<Misfit['kind'], string>> = {
  unreachable: 'bring the server back',
  drained: 'undrain a server',
  constraint: 'change deploy.placement.constraints or the labels in slipway.yaml',
  composed:
    'take it over (slipway import), stop it there (docker compose down keeps named volumes), or give the stack another name',
  engine: 'upgrade the engine, or leave the key out',
  'no-swarm': 'make the servers a Swarm (slipway swarm), or use a bridge network',
  'joined-elsewhere': 'let it fit where the service is that it joins',
  cpus: 'reserve less, or add a server',
  memory: 'reserve less, or add a server',
  port: 'free the port, or publish another',
  'max-per-server': 'raise deploy.placement.max_replicas_per_node, or add a server',
  'volume-elsewhere': 'let it run where its data is, or move the volume',
  name: 'rename or remove that container',
  volume: 'declare the volume as external to use it, or give it another name',
  'volume-missing': 'make the external volume on a server that fits',
  network: 'declare the network as external to use it, or give it another name',
}
