import { join } from 'node:path'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { Attempt, CertificateStore, HostCertificate, KeptCertificates } from '../controller/index.js'
import { asideProblem, putAside } from './aside.js'
import { readSealed, writeSealed } from './sealed-file.js'
import { storeKey } from './store-key.js'

/** Who we are to an authority. `url` null: made, and not known to it for certain. */
export interface Account {
  readonly directory: string
  /** What it is bound to elsewhere; null: nothing. */
  readonly bindingKid: string | null
  readonly key: string
  readonly url: string | null
  readonly email: string | null
}

interface Kept extends KeptCertificates {
  readonly version: 1
  readonly accounts: readonly Account[]
}

/** The certificates of `CertificateStore`, and the accounts, in one file. Problems of all: STORE_FAILED. */
export interface Vault extends CertificateStore {
  account(directory: string, bindingKid: string | null): Result<Account | null>
  saveAccount(account: Account): Result<null>
}

/** Beyond it there are no dates, and what makes a text of one throws. */
const LAST_DATE_MS = 8.64e15

const NOTHING: Kept = { version: 1, accounts: [], certificates: [], attempts: [] }

/** `certificates.sealed` in a folder. Nothing is read before it is asked for; what cannot be read is read again at the next call. */
export function openVault(dir: string, givenKey: Uint8Array | null): Vault {
  const path = join(dir, 'certificates.sealed')
  const keyPath = join(dir, 'store.key')
  let kept: Kept | null = null
  const read = (): Result<Kept> => {
    if (kept !== null) return ok(kept)
    const key = storeKey(givenKey, keyPath, path)
    if (!key.ok) return key
    const text = readSealed(path, key.value)
    if (!text.ok) return text
    const content = text.value === null ? NOTHING : parsed(text.value)
    if (content === null) {
      const message = `${path} makes no sense to this release; bring it back from a backup, or remove it: then what the proxies hold is kept anew`
      return fail({ code: 'STORE_FAILED', message, next: { kind: 'stalled', remedy: `mend or remove ${path}` } })
    }
    kept = content
    return ok(content)
  }
  const write = (change: (before: Kept) => Kept): Result<null> => {
    const before = read()
    if (!before.ok) return before
    const key = storeKey(givenKey, keyPath, path)
    if (!key.ok) return key
    const next = change(before.value)
    const written = writeSealed(path, key.value, JSON.stringify(next))
    if (written.ok) kept = next
    return written
  }
  return {
    load: read,
    setAside: () => {
      const there = read()
      if (there.ok) return ok(null)
      // What another try may read is left where it is.
      if (there.problem.next?.kind !== 'stalled') return there
      const key = storeKey(givenKey, keyPath, path)
      return putAside(path, key.ok ? null : keyPath)
    },
    aside: () => asideProblem(path),
    save: ({ certificates, attempts }) => write((before) => ({ ...before, certificates, attempts })),
    account: (directory, bindingKid) => {
      const all = read()
      return all.ok ? ok(all.value.accounts.find((one) => isOf(one, directory, bindingKid)) ?? null) : all
    },
    saveAccount: (account) =>
      write((before) => ({
        ...before,
        accounts: [...before.accounts.filter((one) => !isOf(one, account.directory, account.bindingKid)), account],
      })),
  }
}

function isOf(account: Account, directory: string, bindingKid: string | null): boolean {
  return account.directory === directory && account.bindingKid === bindingKid
}

function parsed(text: string): Kept | null {
  try {
    const value: unknown = JSON.parse(text)
    return isKept(value) ? value : null
  } catch {
    return null
  }
}

function isKept(value: unknown): value is Kept {
  return (
    isObject(value) &&
    value['version'] === 1 &&
    isListOf(value['accounts'], isAccount) &&
    isListOf(value['certificates'], isCertificate) &&
    isListOf(value['attempts'], isAttempt)
  )
}

function isAccount(value: unknown): value is Account {
  return (
    isObject(value) &&
    hasTexts(value, ['directory', 'key']) &&
    ['bindingKid', 'url', 'email'].every((name) => isTextOrNull(value[name]))
  )
}

function isCertificate(value: unknown): value is HostCertificate {
  return isObject(value) && hasTexts(value, ['host', 'directory', 'pem']) && hasTimes(value, ['fromMs', 'untilMs'])
}

function isAttempt(value: unknown): value is Attempt {
  if (!isObject(value) || !hasTexts(value, ['host', 'directory', 'outcome']) || !hasTimes(value, ['atMs', 'retryAtMs']))
    return false
  const { outcome, isFinal, problem } = value
  const isProblem = problem === null || (isObject(problem) && hasTexts(problem, ['code', 'message']))
  return (
    isProblem && typeof isFinal === 'boolean' && (outcome === 'open' || outcome === 'issued' || outcome === 'failed')
  )
}

function isListOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne)
}

function hasTexts(value: Record<string, unknown>, names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'string')
}

function hasTimes(value: Record<string, unknown>, names: readonly string[]): boolean {
  return names.every((name) => typeof value[name] === 'number' && Math.abs(value[name]) <= LAST_DATE_MS)
}

function isTextOrNull(value: unknown): boolean {
  return value === null || typeof value === 'string'
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}
