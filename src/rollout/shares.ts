import { specHash } from '../model/index.js'
import type { Facts } from './advice.js'

/** How much of a service's requests its new replicas get while both they and the old ones serve. */
export interface ServiceShare {
  readonly service: string
  /** Of the new ones. */
  readonly specHash: string
  /** 0 to 100. */
  readonly percent: number
}

/** A share that all proxies that can be asked go by, and what has come of it since. */
export interface ShareSeen {
  readonly specHash: string
  readonly percent: number
  readonly sinceMs: number
  readonly fresh: GroupFigures
  readonly old: GroupFigures
}

/** Since the share is what it is. */
export interface GroupFigures {
  readonly requests: number
  readonly errors: number
  /** Null: too few to say. */
  readonly p95Ms: number | null
}

/** Until its strategy says more, a new spec gets nothing beside the one that was proven. */
export function sharesOf({ target, proven, state }: Facts): readonly ServiceShare[] {
  return target.stack.services.flatMap((spec) => {
    const before = proven?.services.find(({ name }) => name === spec.name)
    const isNew = before !== undefined && specHash(before) !== specHash(spec)
    return state.rollout !== null && spec.rollout.strategy !== undefined && isNew
      ? [{ service: spec.name, specHash: specHash(spec), percent: 0 }]
      : []
  })
}
