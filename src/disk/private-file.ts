import {
  closeSync,
  existsSync,
  fchmodSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { fail, ok } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'

const MOST_BYTES = 64 * 1024 * 1024
/** Some process that starts over and over with a wrong key must not fill the disk. */
const MOST_ASIDE = 9

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

/**
 * Gives a file another name, `<path>.unreadable` or one with a number after it, never one that is taken. Null where there is no such file. Problems:
 * STORE_FAILED.
 */
export function renameAside(path: string): Result<string | null> {
  try {
    for (let number = 1; number <= MOST_ASIDE; number += 1) {
      const aside = asideName(path, number)
      if (existsSync(aside)) continue
      if (!existsSync(path)) return ok(null)
      renameSync(path, aside)
      return ok(aside)
    }
    return fail(storeFailed(path, 'cannot be put aside', new Error(`${MOST_ASIDE} others were; remove some`)))
  } catch (error) {
    return fail(storeFailed(path, 'cannot be put aside', error))
  }
}

/** Which lie aside of a file, the oldest first. */
export function asideOf(path: string): readonly string[] {
  const names = Array.from({ length: MOST_ASIDE }, (_, at) => asideName(path, at + 1))
  return names.filter((name) => existsSync(name))
}

function asideName(path: string, number: number): string {
  return number === 1 ? `${path}.unreadable` : `${path}.unreadable-${number}`
}

function storeFailed(path: string, what: string, error: unknown): Problem {
  return { code: 'STORE_FAILED', message: `${path} ${what}: ${error instanceof Error ? error.message : String(error)}` }
}
