import { proxyStack } from '../ingress/index.js'
import { stackHash } from '../model/index.js'
import type { Fleet, StackEntry } from '../model/index.js'

/** What a fleet with ingress wants beside its own stacks: a proxy on each server. `path`: the fleet file, which asks for it. */
export function proxyEntries({ name, ingress }: Fleet, path: string): readonly StackEntry[] {
  if (ingress === undefined) return []
  const stack = proxyStack(name, ingress, path)
  return [{ kind: 'valid', name: stack.name, stack, hash: stackHash(stack) }]
}
