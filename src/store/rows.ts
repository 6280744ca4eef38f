import type { Fact, FactKind, Intent, Inventory } from '../controller/index.js'
import type { Stack } from '../model/index.js'
import { hasItsFields } from './fact-shapes.js'
import { isRecord, time } from './shapes.js'
import { damaged } from './store-error.js'

/** Every kind of fact, and whether it is history that a person wants to read; the others are the machinery's own. */
export const FACT_KINDS: Readonly<Record<FactKind, 'history' | 'machinery'>> = Object.freeze({
  'revision-accepted': 'history',
  'revision-held': 'history',
  'revision-refused': 'history',
  'revision-released': 'history',
  'guard-released': 'history',
  commanded: 'history',
  'engine-pinned': 'machinery',
  'server-lost': 'history',
  'server-returned': 'history',
  'server-retired': 'history',
  'rival-seen': 'history',
  'certificate-issued': 'history',
  'certificate-failed': 'history',
  'certificates-restored': 'history',
  'rollout-started': 'history',
  'rollout-blocked': 'history',
  'rollout-delayed': 'machinery',
  'image-pinned': 'machinery',
  'rollout-prepared': 'machinery',
  'slot-proven': 'machinery',
  'step-begun': 'history',
  'step-reached': 'machinery',
  'replica-failed': 'history',
  'job-finished': 'history',
  'rollout-completed': 'history',
  'rollout-failed': 'history',
  'rollout-superseded': 'history',
  'stack-adopted': 'history',
  'stack-orphaned': 'history',
  'stack-removed': 'history',
  'replica-healed': 'history',
  'limits-updated': 'history',
})

export interface JsonRow {
  readonly id: number | string
  readonly json: string
}

/** The columns that history is looked up by. */
export function addressOf(fact: Fact): { readonly stack: string | null; readonly service: string | null } {
  const about = fact.kind === 'commanded' ? fact.command : fact
  const stack = 'stack' in about ? about.stack : null
  return { stack, service: 'service' in about ? about.service : null }
}

/** Reads a row's JSON as what its table holds, or throws a StoreError that names the row: nothing wrong gets past this door. */
export function readRow<T>(dir: string, table: string, row: JsonRow, isValid: (value: unknown) => value is T): T {
  let value: unknown
  try {
    value = JSON.parse(row.json)
  } catch {
    throw damaged(dir, `row ${row.id} of ${table} is not JSON`)
  }
  if (!isValid(value)) throw damaged(dir, `row ${row.id} of ${table} does not make sense`)
  return value
}

export function isFact(value: unknown): value is Fact {
  return isRecord(value) && typeof value.kind === 'string' && time(value.atMs) && hasItsFields(value.kind, value)
}

export function isIntent(value: unknown): value is Intent {
  if (!isRecord(value) || !Number.isSafeInteger(value.opId) || !time(value.atMs)) return false
  return isRecord(value.action) && typeof value.action.kind === 'string' && typeof value.action.server === 'string'
}

export function isInventory(value: unknown): value is Inventory {
  return (
    isRecord(value) && typeof value.server === 'string' && typeof value.engineId === 'string' && isList(value.replicas)
  )
}

export function isStack(value: unknown): value is Stack {
  return (
    isRecord(value) &&
    typeof value.name === 'string' &&
    isList(value.services) &&
    isList(value.networks) &&
    isList(value.volumes)
  )
}

function isList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isRecord)
}
