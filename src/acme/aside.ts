import { asideOf, renameAside } from '../disk/index.js'
import { ok } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'

/** What cannot be read gets another name, and so does a key that is none, if there is one. Problems: STORE_FAILED. */
export function putAside(sealedPath: string, badKeyPath: string | null): Result<null> {
  const sealed = renameAside(sealedPath)
  if (!sealed.ok) return sealed
  const key = badKeyPath === null ? ok(null) : renameAside(badKeyPath)
  return key.ok ? ok(null) : key
}

/** That something lies aside, until a person has taken it away. */
export function asideProblem(sealedPath: string): Problem | null {
  const aside = asideOf(sealedPath)
  if (aside.length === 0) return null
  const message =
    `${sealedPath} could not be read and was put aside as ${aside.join(' and ')}; what the proxies hold was kept anew, and the account with the ` +
    `certificate authority is another one. Nothing is amiss with certificates; find out why (a full disk, another SLIPWAY_STORE_KEY, a lost ` +
    `store.key), and remove what lies aside when nobody needs it`
  return { code: 'STORE_FAILED', severity: 'warning', message }
}
