import type { Constraint, EngineFacts, Server } from '../model/index.js'

const LABEL_PREFIX = 'node.labels.'
/** What `uname` says, in Go's words. */
const ARCHES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64', armv7l: 'arm', i686: '386' }

/** The first constraint that a server does not satisfy. A missing label equals nothing, as in Swarm. */
export function violatedConstraint(
  constraints: readonly Constraint[],
  server: Server,
  facts: EngineFacts | null,
): Constraint | null {
  for (const constraint of constraints) {
    const equal = valuesOf(constraint.key, server, facts).includes(canonical(constraint.value))
    if (equal !== (constraint.op === '==')) return constraint
  }
  return null
}

/** The value that `placement.preferences` spreads over; servers without it are one group. */
export function spreadValue(key: string, server: Server, facts: EngineFacts | null): string {
  return valuesOf(key, server, facts)[0] ?? ''
}

/** A host has two names, ours and its own; people mean either. */
function valuesOf(key: string, server: Server, facts: EngineFacts | null): readonly string[] {
  if (key.startsWith(LABEL_PREFIX)) {
    const value = server.labels[key.slice(LABEL_PREFIX.length)]
    return value === undefined ? [] : [canonical(value)]
  }
  switch (key) {
    case 'node.hostname':
      return facts === null ? [server.name] : [server.name, facts.hostname]
    case 'node.id':
      return facts === null ? [] : [facts.engineId]
    case 'node.platform.os':
      return facts === null ? [] : [canonical(facts.os)]
    case 'node.platform.arch':
      return facts === null ? [] : [canonical(facts.arch)]
    default:
      return []
  }
}

function canonical(value: string): string {
  return ARCHES[value] ?? value
}

export function formatConstraint({ key, op, value }: Constraint): string {
  return `${key} ${op} ${value}`
}
