import { closeSync, fchmodSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
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
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ok(NOTHING)
    return fail(storeFailed(path, 'cannot be read', error))
  }
  return parseKept(path, text)
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
  const next = `${path}.new`
  try {
    const file = openSync(next, 'w', 0o600)
    try {
      fchmodSync(file, 0o600)
      writeFileSync(file, JSON.stringify(kept, null, 1))
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(next, path)
    const folder = openSync(dirname(path), 'r')
    fsyncSync(folder)
    closeSync(folder)
    return ok(null)
  } catch (error) {
    return fail(storeFailed(path, 'cannot be written', error))
  }
}

function storeFailed(path: string, what: string, error: unknown): Problem {
  const why = error instanceof Error ? error.message : String(error)
  return { code: 'STORE_FAILED', message: `${path} ${what}: ${why}` }
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
