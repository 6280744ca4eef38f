import { closeSync, fchmodSync, fsyncSync, openSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fail, ok } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'

const MOST_BYTES = 64 * 1024 * 1024

/** Null where there is no such file. Problems: STORE_FAILED. */
export function readPrivate(path: string): Result<Buffer | null> {
  try {
    if (statSync(path).size > MOST_BYTES) return fail(storeFailed(path, 'cannot be read', new Error('it is too large')))
    return ok(readFileSync(path))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return ok(null)
    return fail(storeFailed(path, 'cannot be read', error))
  }
}

/** Mode 0600, replaced in one step. Problems: STORE_FAILED. */
export function writePrivate(path: string, text: string): Result<null> {
  const next = `${path}.new`
  try {
    const file = openSync(next, 'w', 0o600)
    try {
      fchmodSync(file, 0o600)
      writeFileSync(file, text)
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
  return { code: 'STORE_FAILED', message: `${path} ${what}: ${error instanceof Error ? error.message : String(error)}` }
}
