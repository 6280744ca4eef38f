import { readPrivate, writePrivate } from '../disk/index.js'
import { fail, ok } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'
import type { Issued } from './certificates.js'

/** What the authority keeps. `authorities` oldest first. */
export interface Kept {
  readonly version: 1
  readonly authorities: readonly Issued[]
  readonly servers: Readonly<Record<string, ServerIssued>>
}

/** `by`: the authority's certificate. */
export interface ServerIssued extends Issued {
  readonly by: string
}

const NOTHING: Kept = { version: 1, authorities: [], servers: {} }

/** Nothing where there is no file. Problems: STORE_FAILED. */
export function readKept(path: string): Result<Kept> {
  const read = readPrivate(path)
  if (!read.ok || read.value === null) return read.ok ? ok(NOTHING) : read
  return parseKept(path, read.value.toString('utf8'))
}

/** Problems: STORE_FAILED. */
export function parseKept(path: string, text: string): Result<Kept> {
  try {
    const kept: unknown = JSON.parse(text)
    if (isKept(kept)) return ok(kept)
  } catch {
    // Said below.
  }
  return fail(senseless(path))
}

export function senseless(path: string): Problem {
  const message = `${path} makes no sense; bring it back from a backup, or remove it: then all servers get new certificates, and reach each other again when each has its own`
  return { code: 'STORE_FAILED', message }
}

/** Whole or not at all, and for nobody else's eyes. Problems: STORE_FAILED. */
export function writeKept(path: string, kept: Kept): Result<null> {
  return writePrivate(path, JSON.stringify(kept, null, 1))
}

function isKept(value: unknown): value is Kept {
  if (!isObject(value) || value['version'] !== 1) return false
  const { authorities, servers } = value
  return (
    Array.isArray(authorities) &&
    authorities.every(isIssued) &&
    isObject(servers) &&
    Object.values(servers).every((issued) => isIssued(issued) && typeof issued['by'] === 'string')
  )
}

function isIssued(value: unknown): value is Record<string, unknown> {
  return (
    isObject(value) &&
    typeof value['certificate'] === 'string' &&
    typeof value['key'] === 'string' &&
    Number.isFinite(value['fromMs']) &&
    Number.isFinite(value['untilMs'])
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
