import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { readPrivate, writePrivate } from '../disk/index.js'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'

/** Of a key, in bytes. */
export const KEY_BYTES = 32
const CIPHER = 'aes-256-gcm'
const IV_BYTES = 12
const TAG_BYTES = 16
/** First line of the file, and authenticated with it: what is sealed is of no other format. */
const HEAD = 'slipway sealed 1 aes-256-gcm\n'

/** What is in a sealed file; null where there is none. Problems: STORE_FAILED. */
export function readSealed(path: string, key: Uint8Array): Result<string | null> {
  const bytes = readPrivate(path)
  if (!bytes.ok || bytes.value === null) return bytes.ok ? ok(null) : bytes
  const text = unsealed(bytes.value, key)
  if (text !== null) return ok(text)
  const message =
    `${path} cannot be decrypted: it is torn, or was written with another key; bring the file or the key back (SLIPWAY_STORE_KEY, or store.key ` +
    `beside it), or remove the file: then what the proxies hold is kept anew`
  return fail({ code: 'STORE_FAILED', message, next: { kind: 'stalled', remedy: `mend or remove ${path}` } })
}

/** Whole or not at all, and for nobody else's eyes. Problems: STORE_FAILED. */
export function writeSealed(path: string, key: Uint8Array, text: string): Result<null> {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(HEAD))
  const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
  const body = Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64')
  return writePrivate(path, `${HEAD}${body}\n`)
}

function unsealed(bytes: Buffer, key: Uint8Array): string | null {
  const text = bytes.toString('utf8')
  if (!text.startsWith(HEAD)) return null
  const body = Buffer.from(text.slice(HEAD.length), 'base64')
  if (body.length < IV_BYTES + TAG_BYTES) return null
  try {
    const decipher = createDecipheriv(CIPHER, key, body.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES })
    decipher.setAAD(Buffer.from(HEAD))
    decipher.setAuthTag(body.subarray(IV_BYTES, IV_BYTES + TAG_BYTES))
    return Buffer.concat([decipher.update(body.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString('utf8')
  } catch {
    return null
  }
}
