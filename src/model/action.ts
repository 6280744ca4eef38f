import type { NetworkSpec, VolumeSpec } from './stack.js'
import type { GivenNames } from './ingress.js'
import type { PullPolicy, ResourceLimits, ServiceSpec } from './service-spec.js'
import { formatSlot } from './slot.js'
import type { Slot } from './slot.js'
import type { SpecHash } from './spec-hash.js'

/** An image as it was found or pulled on one server. `digest` is `repo@sha256:…`; null for an image that no registry knows. */
export interface ImagePin {
  readonly digest: string | null
  readonly id: string
  /** TCP ports that it exposes; absent: none. */
  readonly exposes?: readonly number[]
}

/** What identifies a new container; becomes its labels and its name. */
export interface Identity {
  readonly fleet: string
  readonly slot: Slot
  readonly specHash: SpecHash
  readonly revision: string
  /** ISO time of the request to restart that it obeys, or empty; with ` again` where it takes the place of one that says the same. */
  readonly restart: string
  readonly controller: string
}

/** One thing done to one server. Everything here may change something there; reading is not an action. */
export type Action =
  /** Have the image on the server, as `policy` says; `image` may carry a digest. */
  | {
      readonly kind: 'pull'
      readonly server: string
      readonly stack: string
      readonly image: string
      readonly policy: PullPolicy
      readonly platform?: string | undefined
    }
  | { readonly kind: 'ensure-network'; readonly server: string; readonly stack: string; readonly network: NetworkSpec }
  | { readonly kind: 'ensure-volume'; readonly server: string; readonly stack: string; readonly volume: VolumeSpec }
  /** Create the container, put its files into it, attach its networks, start it. A name that exists is `NAME_TAKEN`. */
  | {
      readonly kind: 'run'
      readonly server: string
      readonly stack: string
      readonly slot: Slot
      readonly spec: ServiceSpec
      readonly image: ImagePin
      readonly identity: Identity
      /** Absent: a fleet without names. */
      readonly names?: GivenNames
    }
  | {
      readonly kind: 'start'
      readonly server: string
      readonly stack: string
      readonly slot: Slot
      readonly containerId: string
    }
  | {
      readonly kind: 'stop'
      readonly server: string
      readonly stack: string
      readonly slot: Slot
      readonly containerId: string
      readonly graceMs: number
    }
  | {
      readonly kind: 'restart'
      readonly server: string
      readonly stack: string
      readonly slot: Slot
      readonly containerId: string
      readonly graceMs: number
    }
  /** Remove a container; a running one is killed. Never its named volumes. */
  | {
      readonly kind: 'remove'
      readonly server: string
      readonly stack: string
      readonly slot: Slot
      readonly containerId: string
    }
  | {
      readonly kind: 'update'
      readonly server: string
      readonly stack: string
      readonly slot: Slot
      readonly containerId: string
      readonly limits: ResourceLimits
    }
  /** Remove a network of ours that nothing uses any more. */
  | { readonly kind: 'remove-network'; readonly server: string; readonly stack: string; readonly network: string }

export type ActionKind = Action['kind']

/** What a performed action answers. Fields that its kind has nothing to say about are absent. */
export interface ActionResult {
  readonly image?: ImagePin
  readonly containerId?: string
}

/** `run shop/web#3 on lon-1`: for logs, histories and golden tests. */
export function formatAction(action: Action): string {
  return `${action.kind} ${subject(action)} on ${action.server}`
}

function subject(action: Action): string {
  switch (action.kind) {
    case 'pull':
      return action.image
    case 'ensure-network':
      return action.network.name
    case 'ensure-volume':
      return action.volume.name
    case 'remove-network':
      return action.network
    case 'run':
      return `${formatSlot(action.slot)} ${action.identity.specHash.slice(0, 8)}`
    default:
      return `${formatSlot(action.slot)} ${action.containerId.slice(0, 12)}`
  }
}
