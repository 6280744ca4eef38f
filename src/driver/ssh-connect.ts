import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Client } from 'ssh2'
import type { Algorithms, ServerHostKeyAlgorithm } from 'ssh2'
import { fail, ok } from '../model/index.js'
import type { Address, HostKey, Problem, Result } from '../model/index.js'
import { checkHostKey, pinnedKeyTypes } from './host-key.js'
import type { HostName } from './host-key.js'
import type { DriverLimits } from './options.js'
import { textOf } from './problem-error.js'
import type { Logins } from './ssh-login.js'

export type SshAddress = Extract<Address, { readonly kind: 'ssh' }>

export interface SshTarget {
  readonly server: string
  readonly address: SshAddress
  /** Where to dial, when the ssh configuration says another name than the address. */
  readonly dialHost: string
  readonly hostKey: HostKey
  readonly logins: Logins
  readonly limits: DriverLimits
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
export async function connectSsh(target: SshTarget): Promise<Result<SshConnection>> {
  let families = preferredFamilies(target)
  let mismatch: Problem | null = null
  for (;;) {
    const attempt = await connectOnce(target, families)
    if (attempt.result.ok) return attempt.result
    const { problem } = attempt.result
    if (mismatch !== null && problem.code !== 'HOST_KEY_MISMATCH') return fail(mismatch)
    if (problem.code !== 'HOST_KEY_MISMATCH' || attempt.shown === null) return attempt.result
    mismatch ??= problem
    families = families.filter((family) => family !== attempt.shown)
    if (families.length === 0) return fail(mismatch)
  }
}

/** Families of pinned keys first: the server is asked for a key that can be compared. */
function preferredFamilies(target: SshTarget): readonly KeyFamily[] {
  const pinned = new Set(pinnedKeyTypes(target.hostKey, nameOf(target)).map(familyOf))
  const all = Object.keys(KEY_FAMILIES) as KeyFamily[]
  return [...all.filter((family) => pinned.has(family)), ...all.filter((family) => !pinned.has(family))]
}

function familyOf(type: string): KeyFamily {
  return type.includes('ed25519') ? 'ed25519' : type.startsWith('ecdsa') ? 'ecdsa' : 'rsa'
}

function nameOf(target: SshTarget): HostName {
  return { server: target.server, host: target.address.host, port: target.address.port }
}

interface Attempt {
  readonly result: Result<SshConnection>
  readonly shown: KeyFamily | null
}

async function connectOnce(target: SshTarget, families: readonly KeyFamily[]): Promise<Attempt> {
  const dialled = await dialTcp(target)
  if (!dialled.ok) return { result: dialled, shown: null }
  return logIn(target, families, dialled.value)
}

/** Our own socket: ssh2's has no TCP_NODELAY, which costs 40 ms a round trip. */
function dialTcp(target: SshTarget): Promise<Result<Socket>> {
  return new Promise((resolve) => {
    const socket = connect({ host: target.dialHost, port: target.address.port, noDelay: true })
    const settle = (result: Result<Socket>): void => {
      clearTimeout(timer)
      if (!result.ok) socket.destroy()
      resolve(result)
    }
    const timer = setTimeout(() => {
      settle(fail(unreachable(target, `no answer within ${target.limits.connectMs} ms`)))
    }, target.limits.connectMs)
    // Stays after the promise is settled: a socket that errs later must not end the process.
    socket.on('error', (error) => settle(fail(unreachable(target, dialText(error)))))
    socket.once('connect', () => settle(ok(socket)))
  })
}

function logIn(target: SshTarget, families: readonly KeyFamily[], socket: Socket): Promise<Attempt> {
  return new Promise((resolve) => {
    const client = new Client()
    let refused: Problem | null = null
    let shown: KeyFamily | null = null
    let isSettled = false
    const settle = (result: Result<SshConnection>): void => {
      if (isSettled) return
      isSettled = true
      if (!result.ok) socket.destroy()
      resolve({ result, shown })
    }
    // Also after login: an 'error' without a listener would end the process. The socket is cut, as the peer may not close it.
    client.on('error', (error: Error & { level?: string }) => {
      if (error.level === 'agent') return
      settle(fail(refused ?? loginProblem(target, error)))
      socket.destroy()
    })
    client.once('close', () => settle(fail(refused ?? unreachable(target, 'it closed the connection during login'))))
    client.once('ready', () => settle(ok({ client, socket })))
    try {
      client.connect({
        sock: socket,
        username: target.address.user,
        authHandler: [...target.logins.methods],
        algorithms: { ...ALGORITHMS, serverHostKey: families.flatMap((family) => [...KEY_FAMILIES[family]]) },
        hostVerifier: (key: Buffer): boolean => {
          shown = familyOf(keyType(key))
          const checked = checkHostKey(target.hostKey, nameOf(target), key)
          if (!checked.ok) refused = checked.problem
          return checked.ok
        },
        readyTimeout: target.limits.connectMs,
        keepaliveInterval: target.limits.keepaliveMs,
        keepaliveCountMax: target.limits.keepaliveCount,
        strictVendor: false,
      })
    } catch (error) {
      settle(fail(unreachable(target, textOf(error))))
    }
  })
}

/** A key blob starts with the length and text of its type. */
function keyType(key: Buffer): string {
  if (key.length < 4) return ''
  return key.subarray(4, 4 + Math.min(key.readUInt32BE(0), 64)).toString('latin1')
}

function loginProblem(target: SshTarget, error: Error & { level?: string }): Problem {
  const { server, address, logins } = target
  if (error.level !== 'client-authentication') return unreachable(target, textOf(error))
  const tried = logins.names.length > 0 ? `tried ${logins.names.join(', ')}` : 'there is no key and no agent to try'
  const unusable = logins.unusable.length > 0 ? `; not usable: ${logins.unusable.join('; ')}` : ''
  const remedy = `put the public key into ~${address.user}/.ssh/authorized_keys on the server, or give the right key to the controller`
  const message = `server ${server} refuses the login as ${address.user}: ${tried}${unusable}; ${remedy}`
  return { code: 'SERVER_AUTH', message, server, next: { kind: 'stalled', remedy } }
}

export function unreachable(target: SshTarget, why: string): Problem {
  const { host, port } = target.address
  const message = `server ${target.server} cannot be reached at ${host}:${port}: ${why}`
  return { code: 'SERVER_UNREACHABLE', message, server: target.server }
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
