import type { Next, Problem, ProblemCode, Slot } from '../model/index.js'
import type { CallFailure } from './engine-client.js'

/** What was attempted, for the message: `create the container shop-web-1-1a2b3c4d`. */
export interface Attempted {
  readonly server: string
  readonly what: string
  /** In pulls the engine speaks for a registry, so "not found" and "denied" mean other things. */
  readonly image?: string
}

interface ErrorRule {
  readonly code: ProblemCode
  readonly status?: readonly number[]
  readonly pattern: RegExp
  /** Only where a registry is asked. */
  readonly pull?: true
  readonly advice: string
  readonly next?: Next
}

const SOON: Next = { kind: 'retry', afterMs: 30_000 }

/** How the engine's words become ours: the first rule that fits. Statuses alone say too little, 500 is used for nearly everything. */
export const ERROR_RULES: readonly ErrorRule[] = [
  {
    code: 'DISK_FULL',
    pattern: /no space left on device|disk quota exceeded/i,
    advice: 'free space on the server (docker system df; docker image prune)',
  },
  {
    code: 'PORT_TAKEN',
    pattern: /port is already allocated|address already in use|ports are not available/i,
    advice: 'free the port or publish another one',
  },
  {
    code: 'NAME_TAKEN',
    pattern: /container name .*is already in use/i,
    advice: 'remove or rename the container that has it, if it is not one of Slipway',
  },
  {
    code: 'REGISTRY_UNREACHABLE',
    pull: true,
    pattern: /toomanyrequests|too many requests|rate limit|\b429\b/i,
    advice: 'the registry limits how much may be pulled; log in, or use a mirror',
    next: { kind: 'retry', afterMs: 60_000 },
  },
  {
    code: 'IMAGE_NOT_FOUND',
    pull: true,
    pattern:
      /manifest unknown|manifest for .* not found|name unknown|repository .* not found|no matching manifest|not found: manifest|\bnot found$/i,
    advice: 'check name, tag and platform; has the build pushed it?',
  },
  {
    code: 'REGISTRY_AUTH',
    pull: true,
    pattern:
      /unauthorized|no basic auth credentials|authentication required|access denied|denied:|incorrect username or password|forbidden|\b401\b|\b403\b/i,
    advice:
      'give the controller credentials for the registry, or check the name: registries say the same of an image that is not there',
  },
  {
    code: 'REGISTRY_UNREACHABLE',
    pull: true,
    pattern:
      /no such host|connection refused|connection reset|i\/o timeout|deadline exceeded|Client\.Timeout|request canceled|TLS handshake|x509|certificate|gave HTTP response to HTTPS|network is unreachable|no route to host|server misbehaving|unexpected HTTP status|unexpected EOF|\bEOF\b|\b50[0234]\b/i,
    advice: 'the server itself must reach the registry: check its network, proxy and insecure-registries',
    next: SOON,
  },
  {
    code: 'IMAGE_NOT_FOUND',
    pattern: /no such image|image .* not found|unable to find image/i,
    advice: 'pull it first, or check name and tag',
  },
  {
    code: 'NETWORK_CONFLICT',
    pattern: /pool overlaps|non-overlapping IPv4 address pool|invalid pool request|subnet .* overlaps/i,
    advice: 'choose another subnet, or remove networks that nothing uses (docker network prune)',
  },
  {
    code: 'NETWORK_CONFLICT',
    pattern: /network .*not found|could not find (a |the )?network|no such network|network .* already exists/i,
    advice: 'it is made again at the next look',
    next: SOON,
  },
  {
    code: 'NETWORK_CONFLICT',
    pattern: /has active endpoints|network .* is in use/i,
    advice: 'containers still use it',
  },
  {
    code: 'VOLUME_CONFLICT',
    pattern: /volume .* already exists|volume .*(create|looking up).*(conflict|driver)|no such volume/i,
    advice: 'check the volume on the server (docker volume inspect)',
  },
  {
    code: 'CONFLICT',
    pattern: /rootfs is marked read-only/i,
    advice:
      'the engine cannot put configs and secrets into a container with read_only: mount a volume at their folder, or drop read_only',
  },
  {
    code: 'ENGINE_TOO_OLD',
    status: [400],
    pattern: /client version .* is too (new|old)/i,
    advice: 'the engine and this version of Slipway have no API version in common; update the older one',
  },
  {
    code: 'CONTAINER_GONE',
    status: [404],
    pattern: /no such (container|exec)/i,
    advice: 'somebody removed it',
  },
]

/** What a problem is about that a replica has on a server. */
export function about(
  { server }: { readonly server: string },
  { slot }: { readonly slot: Slot },
): Pick<Problem, 'server' | 'stack' | 'service'> {
  return { server, stack: slot.stack, service: slot.service }
}

/** A failed call as a Problem. */
export function toProblem(failure: CallFailure, attempted: Attempted): Problem {
  switch (failure.kind) {
    case 'broken':
      return failure.problem
    case 'refused':
      return refusedProblem(failure.status, failure.message, attempted)
  }
}

/** What an engine said, as a Problem. `status` is 0 where it said it inside a stream. */
export function refusedProblem(status: number, said: string, attempted: Attempted): Problem {
  const rule = ERROR_RULES.find((candidate) => fits(candidate, status, said, attempted))
  const quoted = said === '' ? `HTTP status ${status}` : said.replace(/\s+/g, ' ').slice(0, 500)
  const advice = rule === undefined ? '' : `; ${rule.advice}`
  const message = `server ${attempted.server} could not ${attempted.what}: ${quoted}${advice}`
  const base = { code: rule?.code ?? 'ENGINE_ERROR', message, server: attempted.server } as const
  return rule?.next === undefined ? base : { ...base, next: rule.next }
}

function fits(rule: ErrorRule, status: number, said: string, attempted: Attempted): boolean {
  if (rule.pull === true && attempted.image === undefined) return false
  if (rule.status !== undefined && !rule.status.includes(status)) return false
  return rule.pattern.test(said)
}
