import { createPrivateKey } from 'node:crypto'
import { Duplex } from 'node:stream'
import { TLSSocket, connect, createSecureContext, rootCertificates } from 'node:tls'
import type { SecureContext } from 'node:tls'
import type { CheckedCertificate, Clock } from '../controller/index.js'
import { checkChain } from './check-certificate.js'

/** The one key of a text, as `fetch` makes it. */
const KEY = /-----BEGIN PRIVATE KEY-----[A-Za-z0-9+/=\s]+-----END PRIVATE KEY-----/g
const MOST_CHARS = 64 * 1024
const HANDSHAKE_MS = 5_000

/**
 * Looks at certificates that were found on servers, any of which may be in other hands: names, key and dates are checked, and a client of TLS itself says
 * whether it believes them.
 */
export function foundChecker(
  ca: string | null,
  clock: Clock,
): (host: string, pem: string) => Promise<CheckedCertificate | null> {
  let usual: SecureContext | undefined
  return async (host, pem) => {
    const [key, ...others] = pem.length > MOST_CHARS ? [] : (pem.match(KEY) ?? [])
    if (key === undefined || others.length > 0 || !isOurKind(key)) return null
    const checked = checkChain(pem, host, key, clock.nowMs())
    if (!checked.ok) return null
    const { chain, fromMs, untilMs } = checked.value
    const server = contextOf(chain, key)
    if (server === null) return null
    usual ??= createSecureContext({ ca: [...rootCertificates, ...(ca === null ? [] : [ca])] })
    return { pem: `${chain}${key}\n`, fromMs, untilMs, isTrusted: await isBelieved(server, usual, clock) }
  }
}

/** Another kind was not made here, and may be one that each handshake takes a second for. */
function isOurKind(key: string): boolean {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(key)
    return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}

/** Null: TLS does not take it. */
function contextOf(cert: string, key: string): SecureContext | null {
  try {
    return createSecureContext({ cert, key })
  } catch {
    return null
  }
}

/** A handshake in memory: whether the chain is whole, valid now, for servers, and ends at an authority that is believed. */
function isBelieved(server: SecureContext, client: SecureContext, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const [near, far] = wire()
    const serving = new TLSSocket(far, { isServer: true, secureContext: server })
    const asking = connect({
      socket: near,
      secureContext: client,
      rejectUnauthorized: false,
      // Names were compared before: a wildcard's own is none that a client could ask for.
      checkServerIdentity: () => undefined,
    })
    const end = (isTrusted: boolean): void => {
      cancel()
      asking.destroy()
      serving.destroy()
      resolve(isTrusted)
    }
    const cancel = clock.after(HANDSHAKE_MS, () => end(false))
    asking.on('secureConnect', () => end(asking.authorized)).on('error', () => end(false))
    serving.on('error', () => end(false))
  })
}

/** Two ends of one connection. */
function wire(): readonly [Duplex, Duplex] {
  const near: Duplex = end(() => far)
  const far: Duplex = end(() => near)
  return [near, far]
}

function end(other: () => Duplex): Duplex {
  return new Duplex({
    read: () => undefined,
    write(chunk, _encoding, done) {
      other().push(chunk)
      done()
    },
    final(done) {
      other().push(null)
      done()
    },
  })
}
