import { compareText } from '../model/index.js'
import type { Problem } from '../model/index.js'

/** A server's name, and the engine it leads to. */
export interface NamedEngine {
  readonly name: string
  /** It left the fleet, and is looked at until nothing of ours is on it. */
  readonly isRetired: boolean
  /** The engine that was last accepted under this name; null: none yet. */
  readonly known: string | null
  /** The engine that answered the newest look; null: none did. */
  readonly answered: string | null
}

/** Who keeps an engine that several names claim: the smallest. A new name before one that left the fleet: the server was renamed. */
function rankOf({ isRetired, known }: NamedEngine, engineId: string): number {
  if (isRetired) return known === engineId ? 2 : 4
  if (known === null) return 1
  return known === engineId ? 0 : 3
}

/**
 * Names under which the engine that answered is another server's, each with that server. An engine belongs to the name it was accepted under, also
 * while nobody can reach it by that name, until that name leads to another engine that is free. So names that lead to each other's engines are
 * refused or accepted together: no engine, and nothing that runs on it, is ever left without a name.
 */
export function refusedNames(names: readonly NamedEngine[]): ReadonlyMap<string, string> {
  const sorted = contested(names).sort((a, b) => compareText(a.name, b.name))
  const refused = new Map<string, string>()
  // At most one round a name: each refuses one more.
  for (let isStable = false; !isStable;) {
    isStable = true
    for (const asking of sorted) {
      const holder = refused.has(asking.name) ? undefined : holderOf(asking, sorted, refused)
      if (holder === undefined) continue
      refused.set(asking.name, holder.name)
      isStable = false
    }
  }
  return refused
}

/** Names of engines that another name claims too: mostly nobody, and at the start of a fleet this is asked at each first look. */
function contested(names: readonly NamedEngine[]): NamedEngine[] {
  const enginesOf = ({ known, answered }: NamedEngine): readonly string[] =>
    [...new Set([known, answered])].filter((engine) => engine !== null)
  const claims = new Map<string, number>()
  for (const name of names) for (const engine of enginesOf(name)) claims.set(engine, (claims.get(engine) ?? 0) + 1)
  return names.filter((name) => enginesOf(name).some((engine) => (claims.get(engine) ?? 0) > 1))
}

function holderOf(
  asking: NamedEngine,
  names: readonly NamedEngine[],
  refused: ReadonlyMap<string, string>,
): NamedEngine | undefined {
  const { answered } = asking
  if (answered === null) return undefined
  const rank = rankOf(asking, answered)
  return names.find((other) => {
    if (other === asking) return false
    const moves = other.answered !== null && !refused.has(other.name)
    if ((moves ? other.answered : other.known) !== answered) return false
    const rival = rankOf(other, answered)
    return rival < rank || (rival === rank && moves && compareText(other.name, asking.name) < 0)
  })
}

/** What is said of a name under which another server's engine answers. */
export function sharedProblem(server: string, holder: string): Problem {
  return {
    code: 'ENGINE_SHARED',
    server,
    message: `${server} leads to the Docker Engine of ${holder}; nothing is done there as ${server}`,
    next: {
      kind: 'stalled',
      remedy: `correct the address of ${server} or of ${holder} in slipway.yaml or in DNS; a server that is both is named once there, and one that is meant to become the other gets a new name`,
    },
  }
}
