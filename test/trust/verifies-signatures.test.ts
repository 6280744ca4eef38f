import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SignatureVerdict } from '../../src/model/index.js'
import { readSigners, splitCommit, splitTag, verifySigned } from '../../src/trust/index.js'
import type { SignedObject } from '../../src/trust/index.js'
import { wireString } from '../../src/trust/wire.js'
import { scratch, testRepository } from '../source/repository.js'
import type { TestRepository } from '../source/repository.js'
import { gpgHome, pgpSigner, signedCommit, signedTag, sshSigner } from './signing.js'
import type { Signer } from './signing.js'

const MADE = Date.parse('2026-11-21T10:00:00Z')
const NOW = Date.parse('2026-11-28T10:00:00Z')
const LATER = Date.now() + 2 * 365 * 24 * 3_600_000

let dir = ''
let repository: TestRepository
let home: ReturnType<typeof gpgHome>
let gpg: Signer

beforeAll(() => {
  dir = scratch()
  repository = testRepository()
  home = gpgHome(dir)
  gpg = pgpSigner(home, 'grace', ['ed25519', 'sign', '1y'])
})

afterAll(() => {
  home.stop()
  repository.remove()
  rmSync(dir, { recursive: true, force: true })
})

function verdict(object: SignedObject, allowed: string, nowMs = NOW, revoked = ''): Promise<SignatureVerdict> {
  const { signers, problems } = readSigners(allowed, revoked)
  expect(problems).toEqual([])
  return verifySigned(object, signers, nowMs)
}

const swap = (bytes: Buffer, from: string, to: string): Buffer =>
  Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1')

describe.each([
  ['ssh ed25519', () => sshSigner(dir, `ed-${Math.random()}`)],
  ['ssh rsa', () => sshSigner(dir, `rsa-${Math.random()}`, ['-t', 'rsa', '-b', '3072'])],
  ['ssh ecdsa 256', () => sshSigner(dir, `e2-${Math.random()}`, ['-t', 'ecdsa', '-b', '256'])],
  ['ssh ecdsa 384', () => sshSigner(dir, `e3-${Math.random()}`, ['-t', 'ecdsa', '-b', '384'])],
  ['ssh ecdsa 521', () => sshSigner(dir, `e5-${Math.random()}`, ['-t', 'ecdsa', '-b', '521'])],
  ['gpg', () => gpg],
])('what git signs with %s', (kind, make) => {
  it('is trusted when its key is allowed, commits and tags alike', async () => {
    const signer = make()
    const other = sshSigner(dir, `other-${Math.random()}`)
    const allowed = `# ours\n${other.allowed}\n${signer.allowed}\n`
    const now = kind === 'gpg' ? Date.now() : NOW
    expect(await verdict(splitCommit(signedCommit(repository, signer)), allowed, now)).toMatchObject({
      kind: 'trusted',
    })
    const tag = signedTag(repository, signer, `v${Math.random()}`)
    expect(await verdict(splitTag(tag), allowed, now)).toMatchObject({ kind: 'trusted' })
  })

  it('is unknown when its key is not, and tampered when anything of it was changed', async () => {
    const signer = make()
    const bytes = signedCommit(repository, signer, 'pay Ada 10')
    const now = kind === 'gpg' ? Date.now() : NOW
    expect(await verdict(splitCommit(bytes), sshSigner(dir, `x-${Math.random()}`).allowed, now)).toMatchObject({
      kind: 'unknown',
    })
    for (const changed of [
      swap(bytes, 'pay Ada 10', 'pay Eve 99'),
      swap(bytes, 'tree 4', 'tree 5'),
      swap(bytes, '\n\n', '\nencoding x\n\n'),
    ])
      expect(await verdict(splitCommit(changed), signer.allowed, now)).toMatchObject({ kind: 'tampered' })
  })
})

it('nothing signed is unsigned, and two signatures are none', async () => {
  const signer = sshSigner(dir, 'twice')
  expect(await verdict(splitCommit(signedCommit(repository, null)), signer.allowed)).toEqual({ kind: 'unsigned' })
  const bytes = signedCommit(repository, signer)
  const block = /gpgsig .*\n(?: .*\n)*/.exec(bytes.toString('latin1'))?.[0] ?? ''
  expect((await verdict(splitCommit(swap(bytes, block, block + block)), signer.allowed)).kind).toBe('unreadable')
})

it('an ssh signature that was made for files does not count for commits', async () => {
  const signer = sshSigner(dir, 'filer')
  const bytes = signedCommit(repository, signer)
  const object = splitCommit(bytes)
  const armour = Buffer.from((object.signature ?? '').replace(/-----.*-----|\n/g, ''), 'base64')
  const at = armour.indexOf('git')
  armour.write('gif', at, 'latin1')
  const forged = `-----BEGIN SSH SIGNATURE-----\n${armour.toString('base64')}\n-----END SSH SIGNATURE-----\n`
  expect((await verdict({ ...object, signature: forged }, signer.allowed)).kind).toBe('unreadable')
})

describe('an ssh key that counts for a time only', () => {
  const limited = (signer: Signer, option: string): string => signer.allowed.replace('namespaces="git"', option)
  it.each([
    ['before it counts', 'valid-after="20261125Z"', NOW, 'expired'],
    ['after it counted', 'valid-before="20261120Z"', NOW, 'expired'],
    ['when it counted once and the commit is as old', 'valid-before="20261125Z"', NOW, 'expired'],
    ['within its time', 'valid-after="20261101Z",valid-before="20270101000000Z",namespaces="file,git"', NOW, 'trusted'],
    ['for other things than Git', 'namespaces="file"', NOW, 'unknown'],
  ])('%s is judged so', async (_what, option, nowMs, kind) => {
    const signer = sshSigner(dir, `timed-${Math.random()}`)
    const object = splitCommit(signedCommit(repository, signer))
    expect(object.madeAtMs).toBe(MADE)
    expect((await verdict(object, limited(signer, option), nowMs)).kind).toBe(kind)
  })

  it('and one that is revoked says whose it was', async () => {
    const signer = sshSigner(dir, 'gone')
    const object = splitCommit(signedCommit(repository, signer))
    const key = signer.allowed.replace('gone@example.com namespaces="git" ', '')
    expect(await verdict(object, signer.allowed, NOW, `# left\n${key} gone\n`)).toMatchObject({
      kind: 'revoked',
      signer: 'gone@example.com',
    })
  })
})

describe('an OpenPGP key', () => {
  it('is told by its owner, address and fingerprint', async () => {
    const found = await verdict(splitCommit(signedCommit(repository, gpg)), gpg.allowed, Date.now())
    expect(found).toMatchObject({ kind: 'trusted', signer: 'grace <grace@example.com>' })
    expect(found.kind === 'trusted' ? found.names : []).toContain('grace@example.com')
  })

  it('that has expired since counts no longer', async () => {
    const object = splitCommit(signedCommit(repository, gpg))
    expect(await verdict(object, gpg.allowed, LATER)).toMatchObject({
      kind: 'expired',
      signer: 'grace <grace@example.com>',
    })
  })

  it('that its owner revoked counts no longer', async () => {
    const signer = pgpSigner(home, 'mallory')
    const object = splitCommit(signedCommit(repository, signer))
    expect(await verdict(object, signer.allowed, Date.now())).toMatchObject({ kind: 'trusted' })
    const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(
      home.gpg('--with-colons', '--list-keys', 'mallory@example.com'),
    )?.[1]
    const certificate = `${dir}/gnupg/openpgp-revocs.d/${fingerprint}.rev`
    home.gpg('--import', stripGuard(certificate))
    const revoked = home.gpg('--armor', '--export', 'mallory@example.com')
    expect(await verdict(object, revoked, Date.now())).toMatchObject({ kind: 'revoked' })
  })

  it('that signed the text and not its bytes does not count', async () => {
    const { payload } = splitCommit(signedCommit(repository, null, 'unsigned yet'))
    const path = `${dir}/payload`
    writeFileSync(path, payload)
    const signature = (...how: string[]): string =>
      home.gpg('--local-user', 'grace', '--armor', ...how, '--output', '-', '--detach-sign', path)
    const kindOf = async (armour: string): Promise<string> =>
      (await verdict({ payload, signature: armour, madeAtMs: null }, gpg.allowed, Date.now())).kind
    expect(await kindOf(signature())).toBe('trusted')
    expect(await kindOf(signature('--textmode'))).toBe('unreadable')
  })

  it('among the allowed that is damaged lets nobody through', async () => {
    const object = splitCommit(signedCommit(repository, gpg))
    const damaged = gpg.allowed.replace(/\n([A-Za-z0-9+/]{10})/, '\nAAAAAAAAAA')
    expect((await verdict(object, damaged, Date.now())).kind).not.toBe('trusted')
  })
})

/** GnuPG puts a colon before the armour, so that nobody imports it by mistake. */
function stripGuard(path: string): string {
  writeFileSync(`${path}.real`, readFileSync(path, 'utf8').replace(':-----BEGIN', '-----BEGIN'))
  return `${path}.real`
}

/** A key in a security token signs hashes, a flag that it was touched, and a counter. Made here, as no token is at hand. */
function tokenCommit(flags: number): { readonly object: SignedObject; readonly allowed: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const application = Buffer.from('ssh:')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
  const type = Buffer.from('sk-ssh-ed25519@openssh.com')
  const key = Buffer.concat([type, raw, application].map(wireString))
  const payload = Buffer.from('tree 0\n')
  const sha = (hash: string, bytes: Buffer): Buffer => createHash(hash).update(bytes).digest()
  const names = [Buffer.from('git'), Buffer.alloc(0), Buffer.from('sha512')]
  const signed = Buffer.concat([Buffer.from('SSHSIG'), ...[...names, sha('sha512', payload)].map(wireString)])
  const suffix = Buffer.from([flags, 0, 0, 0, 7])
  const data = Buffer.concat([sha('sha256', application), suffix, sha('sha256', signed)])
  const inner = Buffer.concat([wireString(type), wireString(sign(null, data, privateKey)), suffix])
  const blob = Buffer.concat([
    Buffer.from('SSHSIG'),
    Buffer.from([0, 0, 0, 1]),
    ...[key, ...names, inner].map(wireString),
  ])
  const signature = `-----BEGIN SSH SIGNATURE-----\n${blob.toString('base64')}\n-----END SSH SIGNATURE-----`
  return {
    object: { payload, signature, madeAtMs: null },
    allowed: `token@example.com ${type.toString()} ${key.toString('base64')}`,
  }
}

it.each([
  ['touched', 1, 'trusted'],
  ['not touched', 0, 'unreadable'],
])('a security key that was %s', async (_what, flags, kind) => {
  const { object, allowed } = tokenCommit(flags)
  expect((await verdict(object, allowed)).kind).toBe(kind)
  expect((await verdict({ ...object, payload: Buffer.from('tree 1\n') }, allowed)).kind).not.toBe('trusted')
})

it.each([
  ['a line without a key', 'ada@example.com ssh-ed25519', ''],
  ['an authority', '*@example.com cert-authority ssh-ed25519 AAAAC3Nz', ''],
  ['an unknown option', 'ada@example.com touch-required ssh-ed25519 AAAAC3Nz', ''],
  ['a wrong time', 'ada@example.com valid-after="tomorrow" ssh-ed25519 AAAAC3Nz', ''],
  ['a private key', '-----BEGIN PGP PRIVATE KEY BLOCK-----\n-----END PGP PRIVATE KEY BLOCK-----', ''],
  ['a revoked key that is none', '', 'mallory'],
])('%s among the signers is a problem, not left out', (_what, allowed, revoked) => {
  expect(readSigners(allowed, revoked).problems).not.toEqual([])
})
