import type { Order, ServiceSpec } from '../model/index.js'
import { claimedPorts, formatHostPort } from './host-ports.js'

/** In which order one replica takes another's place, and why where the manifest does not say. */
export interface OrderChoice {
  readonly order: Order
  readonly reason: string
}

/**
 * Start-first where two replicas can stand side by side. A host port or fixed address forbids that whatever the manifest says, on the server that holds it;
 * a volume or bind mount that is written only where the manifest does not say.
 */
export function orderFor(spec: ServiceSpec, isSameServer: boolean, isGoingBack: boolean): OrderChoice {
  const { asked, key } = askedOrder(spec, isGoingBack)
  if (asked === 'stop-first') return { order: asked, reason: '' }
  if (spec.mode === 'job') return stopFirst('a one-shot service never runs twice at once')
  const port = isSameServer ? claimedPorts(spec)[0] : undefined
  if (port !== undefined)
    return stopFirst(
      `host port ${formatHostPort(port)} can be held only once${asked === null ? '' : `, although ${key}.order is start-first`}`,
    )
  const fixed = isSameServer ? fixedAddress(spec) : undefined
  if (fixed !== undefined) return stopFirst(`${fixed} can be held only once`)
  if (asked === 'start-first') return { order: asked, reason: '' }
  const written = spec.mounts.find((mount) => (mount.kind === 'volume' || mount.kind === 'bind') && !mount.readOnly)
  if (written?.kind === 'volume') return stopFirst(`writes the volume ${written.source}`)
  if (written?.kind === 'bind') return stopFirst(`writes ${written.source} of the server`)
  return { order: 'start-first', reason: 'start-first: holds no host port and writes no volume' }
}

/** What `update_config` asks for holds on the way back too, unless `rollback_config` asks for something else. */
function askedOrder(spec: ServiceSpec, isGoingBack: boolean): { readonly asked: Order | null; readonly key: string } {
  const back = isGoingBack ? spec.rollback.order : null
  return back === null ? { asked: spec.update.order, key: 'update_config' } : { asked: back, key: 'rollback_config' }
}

function fixedAddress({ networks, naming }: ServiceSpec): string | undefined {
  const held = networks.flatMap((one) => [one.ipv4Address, one.ipv6Address, one.macAddress])
  return [...held, naming?.macAddress].find((address) => address !== undefined)
}

function stopFirst(why: string): OrderChoice {
  return { order: 'stop-first', reason: `stop-first: ${why}` }
}
