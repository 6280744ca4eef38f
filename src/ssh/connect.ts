import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Client } from 'ssh2'
import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2'
import { fail, ok } from '../model/index.js'
import type { HostKey, Result } from '../model/index.js'
import { textOf } from './failure.js'
import type { HostKeyFailure, SshFailure } from './failure.js'
import { checkHostKey, pinnedKeyTypes } from './host-key.js'
import type { Logins } from './login.js'

export interface SshTarget {
  /** The name under which the host key is pinned. */
  readonly host: string
  readonly port: number
  readonly user: string
  /** Where to dial, when the ssh configuration says another name than the address. */
  readonly dialHost: string
  readonly hostKey: HostKey
  readonly logins: Logins
  readonly limits: SshLimits
}

/** Times in ms. */
export interface SshLimits {
  /** TCP, host key and login, each. */
  readonly connectMs: number
  readonly keepaliveMs: number
  readonly keepaliveCount: number
}

export interface SshConnection {
  readonly client: Client
  readonly socket: Socket
}

type KeyFamily = 'ed25519' | 'ecdsa' | 'rsa'

/** SHA-1 is left out everywhere (A25). */
const KEY_FAMILIES: Readonly<Record<KeyFamily, readonly ServerHostKeyAlgorithm[]>> = {
  ed25519: ['ssh-ed25519'],
  ecdsa: ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
  rsa: ['rsa-sha2-512', 'rsa-sha2-256'],
}

/**
 * Without ChaCha20-Poly1305 and CBC a prefix-truncation attack (Terrapin) has nothing to work on, even where a server knows no strict
 * key exchange.
 */
const ALGORITHMS: Algorithms = {
  kex: [
    'curve25519-sha256',
    'curve25519-sha256@libssh.org',
    'ecdh-sha2-nistp256',
    'ecdh-sha2-nistp384',
    'ecdh-sha2-nistp521',
    'diffie-hellman-group-exchange-sha256',
    'diffie-hellman-group16-sha512',
    'diffie-hellman-group18-sha512',
    'diffie-hellman-group14-sha256',
  ],
  cipher: ['aes128-gcm@openssh.com', 'aes256-gcm@openssh.com', 'aes128-ctr', 'aes192-ctr', 'aes256-ctr'],
  hmac: ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256', 'hmac-sha2-512'],
  compress: ['none'],
}

/**
 * Connects, checks the host key and logs in. A server has a key of each family and shows the one it is asked for, so a fingerprint that
 * does not match is only final when the server has no key of the other families that does.
 */
export async function connectSsh(target: SshTarget): Promise<Result<SshConnection, SshFailure>> {
  let families = preferredFamilies(target)
  let mismatch: HostKeyFailure | null = null
  for (;;) {
    const attempt = await connectOnce(target, families)
    if (attempt.result.ok) return attempt.result
    const { problem } = attempt.result
    if (mismatch !== null && problem.kind !== 'host-key-mismatch') return fail(mismatch)
    if (problem.kind !== 'host-key-mismatch' || attempt.shown === null) return attempt.result
    mismatch ??= problem
    families = families.filter((family) => family !== attempt.shown)
    if (families.length === 0) return fail(mismatch)
  }
}

/** Families of pinned keys first: the server is asked for a key that can be compared. */
function preferredFamilies(target: SshTarget): readonly KeyFamily[] {
  const pinned = new Set(pinnedKeyTypes(target.hostKey, target).map(familyOf))
  const all = Object.keys(KEY_FAMILIES) as KeyFamily[]
  return [...all.filter((family) => pinned.has(family)), ...all.filter((family) => !pinned.has(family))]
}

function familyOf(type: string): KeyFamily {
  return type.includes('ed25519') ? 'ed25519' : type.startsWith('ecdsa') ? 'ecdsa' : 'rsa'
}

interface Attempt {
  readonly result: Result<SshConnection, SshFailure>
  readonly shown: KeyFamily | null
}

async function connectOnce(target: SshTarget, families: readonly KeyFamily[]): Promise<Attempt> {
  const dialled = await dialTcp(target)
  if (!dialled.ok) return { result: dialled, shown: null }
  return logIn(target, families, dialled.value)
}

/** Our own socket: ssh2's has no TCP_NODELAY, which costs 40 ms a round trip. */
function dialTcp(target: SshTarget): Promise<Result<Socket, SshFailure>> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.dialHost, port: target.port, noDelay: true })
    const settle = (result: Result<Socket, SshFailure>): void => {
      clearTimeout(timer)
      if (!result.ok) socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => {
      settle(fail(unreachable(`no answer within ${target.limits.connectMs} ms`)))
    }, target.limits.connectMs)
    // Stays after the promise is settled: a socket that errs later must not end the process.
    socket.on('error', (error) => settle(fail(unreachable(dialText(error)))))
    socket.once('connect', () => settle(ok(socket)))
  })
}

function logIn(target: SshTarget, families: readonly KeyFamily[], socket: Socket): Promise<Attempt> {
  return new Promise((resolve) => {
    const client = new Client()
    let refused: HostKeyFailure | null = null
    let shown: KeyFamily | null = null
    let isSettled = false
    const settle = (result: Result<SshConnection, SshFailure>): void => {
      if (isSettled) return
      isSettled = true
      if (!result.ok) socket.destroy()
      resolve({ result, shown })
    }
    // Also after login: an 'error' without a listener would end the process. The socket is cut, as the peer may not close it.
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'agent') return
      settle(fail(refused ?? loginFailure(target.logins, error)))
      socket.destroy()
    })
    client.once('close', () => settle(fail(refused ?? unreachable('it closed the connection during login'))))
    client.once('ready', () => settle(ok({ client, socket })))
    try {
      client.connect({
        sock: socket,
        username: target.user,
        authHandler: [...target.logins.methods],
        algorithms: { ...ALGORITHMS, serverHostKey: families.flatMap((family) => [...KEY_FAMILIES[family]]) },
        hostVerifier: (key: Buffer): boolean => {
          shown = familyOf(keyType(key))
          const checked = checkHostKey(target.hostKey, target, key)
          if (!checked.ok) refused = checked.problem
          return checked.ok
        },
        readyTimeout: target.limits.connectMs,
        keepaliveInterval: target.limits.keepaliveMs,
        keepaliveCountMax: target.limits.keepaliveCount,
        strictVendor: false,
      })
    } catch (error) {
      settle(fail(unreachable(textOf(error))))
    }
  })
}

/** A key blob starts with the length and text of its type. */
function keyType(key: Buffer): string {
  if (key.length < 4) return ''
  return key.subarray(4, 4 + Math.min(key.readUInt32BE(0), 64)).toString('latin1')
}

function loginFailure({ names, unusable }: Logins, error: Error & { level?: string }): SshFailure {
  if (error.level !== 'client-authentication') return unreachable(textOf(error))
  const tried = names.length > 0 ? `tried ${names.join(', ')}` : 'there is no key and no agent to try'
  return {
    kind: 'login-refused',
    tried: unusable.length > 0 ? `${tried}; not usable: ${unusable.join('; ')}` : tried,
  }
}

function unreachable(why: string): SshFailure {
  return { kind: 'unreachable', why }
}

function dialText(error: Error & { code?: string }): string {
  switch (error.code) {
    case 'ECONNREFUSED':
      return 'the connection was refused; is sshd running on that port?'
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `its name does not resolve (${error.code})`
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `there is no way to it (${error.code})`
    default:
      return textOf(error)
  }
}
