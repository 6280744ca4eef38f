import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

/** An authority made for a test, and what it signs. PEM texts. */
export interface TestAuthority {
  readonly certificate: string
  /** A certificate for these names; `key` is its own unless another one's is wanted. Valid now, unless said otherwise. */
  issue(
    hosts: readonly string[],
    more?: { readonly fromMs?: number; readonly untilMs?: number; readonly curve?: string },
  ): Promise<TestPapers>
}

export interface TestPapers {
  readonly certificate: string
  readonly key: string
  /** Both. */
  readonly pem: string
}

const DAY_MS = 24 * 3_600_000
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

export async function testAuthority(): Promise<TestAuthority> {
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0])
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '01',
    name: 'CN=Test authority',
    notBefore: new Date(Date.now() - DAY_MS),
    notAfter: new Date(Date.now() + 30 * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  })
  let serial = 1
  return {
    certificate: authority.toString('pem'),
    async issue(hosts, { fromMs = Date.now() - DAY_MS, untilMs = Date.now() + 20 * DAY_MS, curve = 'P-256' } = {}) {
      const own = await webcrypto.subtle.generateKey({ ...ALGORITHM, namedCurve: curve }, true, ['sign', 'verify'])
      const certificate = await x509.X509CertificateGenerator.create({
        serialNumber: (serial += 1).toString(16).padStart(4, '0'),
        subject: `CN=${hosts[0] ?? 'nobody'}`,
        issuer: authority.subjectName,
        notBefore: new Date(fromMs),
        notAfter: new Date(untilMs),
        signingAlgorithm: ALGORITHM,
        publicKey: own.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new x509.SubjectAlternativeNameExtension(hosts.map((value) => ({ type: 'dns', value }))),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        ],
      })
      const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)).toString('base64')
      const lines = der.match(/.{1,64}/g) ?? []
      const key = ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n')
      const text = `${certificate.toString('pem').trim()}\n`
      return { certificate: text, key, pem: `${text}${key}` }
    },
  }
}
