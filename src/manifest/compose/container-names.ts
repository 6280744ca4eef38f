import type { Node } from '../node.js'
import { get, keyOf, quoted, textOf } from '../node.js'
import type { StackContext } from './context.js'

/** What Compose would call the containers of services, and the first service of each name. */
export function collectContainerNames(services: ReadonlyMap<string, Node>): ReadonlyMap<string, string> {
  const names = new Map<string, string>()
  for (const [service, node] of services) {
    const name = get(node, 'container_name')
    if (name !== undefined && !names.has(textOf(name))) names.set(textOf(name), service)
  }
  return names
}

/**
 * The names of a service on its networks: its own, and its `container_name`, so that peers which know it find it. The container itself is called
 * otherwise, since two replicas of one name cannot stand side by side. That is told once a stack.
 */
export function readNames(name: string, service: Node, context: StackContext): readonly string[] {
  const node = get(service, 'container_name')
  if (node === undefined) return [name]
  const { report, declared } = context
  const spot = keyOf(service, 'container_name') ?? node
  const holder = declared.containerNames.get(textOf(node))
  if (holder !== name && holder !== undefined)
    report.error('CONFLICT', spot, `${quoted(holder)} has the container_name ${quoted(textOf(node))} already; keep one`)
  const [first] = declared.containerNames.values()
  if (first === name)
    report.warn(
      'FIELD_IGNORED',
      spot,
      'it is a name on the networks only: Slipway names containers itself, so that an old and a new one can run side by side',
    )
  return [name, textOf(node)]
}
