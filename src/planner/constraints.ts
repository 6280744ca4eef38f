import type { Constraint, EngineFacts, Server } from '../model/index.js'

const LABEL_PREFIX = 'node.labels.'
/** What `uname` says, in Go's words. */
const ARCHES: ReadonlyMap<string, string> = new Map([
  ['x86_64', 'amd64'],
  ['aarch64', 'arm64'],
  ['armv7l', 'arm'],
  ['i686', '386'],
])

/** The first constraint that a server does not satisfy. A missing label equals nothing, as in Swarm. */
export function violatedConstraint(
  constraints: readonly Constraint[],
  server: Server,
  facts: EngineFacts | null,
): Constraint | null {
  for (const constraint of constraints) {
    if (isEqual(constraint, server, facts) !== (constraint.op === '==')) return constraint
  }
  return null
}

/** Asked for every replica of every tick. A host has two names, ours and its own; people mean either. */
function isEqual({ key, value }: Constraint, server: Server, facts: EngineFacts | null): boolean {
  if (key === 'node.platform.arch') return facts !== null && canonicalArch(facts.arch) === canonicalArch(value)
  if (key === 'node.hostname' && facts?.hostname === value) return true
  return attributeOf(key, server, facts) === value
}

/** The value that `placement.preferences` spreads over; servers without it are one group. */
export function spreadValue(key: string, server: Server, facts: EngineFacts | null): string {
  return attributeOf(key, server, facts) ?? ''
}

function attributeOf(key: string, server: Server, facts: EngineFacts | null): string | null {
  if (key.startsWith(LABEL_PREFIX)) return server.labels[key.slice(LABEL_PREFIX.length)] ?? null
  switch (key) {
    case 'node.hostname':
      return server.name
    case 'node.id':
      return facts?.engineId ?? null
    case 'node.platform.os':
      return facts?.os ?? null
    case 'node.platform.arch':
      return facts === null ? null : canonicalArch(facts.arch)
    default:
      return null
  }
}

function canonicalArch(arch: string): string {
  return ARCHES.get(arch) ?? arch
}

export function formatConstraint({ key, op, value }: Constraint): string {
  return `${key} ${op} ${value}`
}
