import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readPrivate, writePrivate } from '../disk/index.js'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { KEY_BYTES } from './sealed-file.js'

/**
 * The key of the data directory's sealed files: the one that is given, else one in a file of its own, made where nothing is sealed yet. Problems:
 * STORE_FAILED.
 */
export function storeKey(given: Uint8Array | null, keyPath: string, sealedPath: string): Result<Uint8Array> {
  if (given !== null) return ok(given)
  const file = readPrivate(keyPath)
  if (!file.ok) return file
  if (file.value !== null) {
    const key = Buffer.from(file.value.toString('utf8').trim(), 'base64')
    if (key.length === KEY_BYTES) return ok(key)
    const remedy = `mend ${keyPath}`
    const message = `${keyPath} is no key of ${KEY_BYTES} bytes: bring it back from a backup`
    return fail({ code: 'STORE_FAILED', message, next: { kind: 'stalled', remedy } })
  }
  if (existsSync(sealedPath)) {
    const message = `${keyPath} is gone, and ${sealedPath} was sealed with it: bring it back, set SLIPWAY_STORE_KEY, or remove both`
    return fail({ code: 'STORE_FAILED', message, next: { kind: 'stalled', remedy: `bring ${keyPath} back` } })
  }
  const key = randomBytes(KEY_BYTES)
  const written = writePrivate(keyPath, `${key.toString('base64')}\n`)
  return written.ok ? ok(key) : written
}
