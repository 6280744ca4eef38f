import { formatLimits } from '../model/index.js'
import type { Action } from '../model/index.js'
import type { Fact } from './facts.js'

/** Limits that were changed in place. */
export function limitsFact(action: Extract<Action, { kind: 'update' }>, atMs: number): Fact {
  return {
    kind: 'limits-updated',
    atMs,
    stack: action.stack,
    service: action.slot.service,
    containerId: action.containerId,
    limits: formatLimits({ limits: action.limits }),
  }
}
