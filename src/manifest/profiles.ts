import type { Node } from './node.js'
import { entries, get, items, textOf, withEntry } from './node.js'

/** The profiles of each service that is not active, by its name. */
export type InactiveServices = ReadonlyMap<string, readonly string[]>

/** A service is active when it has no profiles, or one that is active; `*` stands for all. */
export function inactiveServices(root: Node, active: ReadonlySet<string>): InactiveServices {
  const inactive = new Map<string, readonly string[]>()
  for (const [name, { value }] of entries(get(root, 'services'))) {
    const profiles = items(get(value, 'profiles')).map(textOf)
    if (profiles.length > 0 && !active.has('*') && !profiles.some((profile) => active.has(profile)))
      inactive.set(name, profiles)
  }
  return inactive
}

export function withoutServices(root: Node, inactive: InactiveServices): Node {
  const services = get(root, 'services')
  if (inactive.size === 0 || root.kind !== 'map' || services?.kind !== 'map') return root
  const kept = [...services.entries].filter(([name]) => !inactive.has(name))
  return withEntry(root, 'services', { ...services, entries: new Map(kept) })
}

/** `a,b` as COMPOSE_PROFILES has it. */
export function splitProfiles(text: string): readonly string[] {
  return text
    .split(',')
    .map((profile) => profile.trim())
    .filter((profile) => profile !== '')
}
