import { randomBytes, webcrypto } from 'node:crypto'
import { meshZone } from '../model/index.js'

/** A certificate and its key, as PEM. Times in ms since the epoch, `fromMs` as asked for, before the day that it begins early. */
export interface Issued {
  readonly certificate: string
  readonly key: string
  readonly fromMs: number
  readonly untilMs: number
}

const DAY_MS = 24 * 3_600_000
export const AUTHORITY_LIFE_MS = 3_650 * DAY_MS
export const SERVER_LIFE_MS = 90 * DAY_MS
/** Clocks of servers may be behind. */
const EARLY_MS = DAY_MS

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const

/** Loaded when it is needed: most commands have no mesh. */
async function x509() {
  const library = await import('@peculiar/x509')
  // Its types are those of browsers; the object is the same.
  library.cryptoProvider.set(webcrypto as unknown as Parameters<typeof library.cryptoProvider.set>[0])
  return library
}

/** A new authority of a fleet. */
export async function issueAuthority(fleet: string, fromMs: number): Promise<Issued> {
  const library = await x509()
  const keys = await newKeys()
  const untilMs = fromMs + AUTHORITY_LIFE_MS
  const certificate = await library.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    // Two authorities of one name would be told apart by their keys alone.
    name: [{ CN: [`Slipway mesh of ${fleet} ${randomBytes(4).toString('hex')}`] }],
    notBefore: new Date(fromMs - EARLY_MS),
    notAfter: new Date(untilMs),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new library.BasicConstraintsExtension(true, 0, true),
      new library.KeyUsagesExtension(library.KeyUsageFlags.keyCertSign | library.KeyUsageFlags.cRLSign, true),
      await library.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: certificate.toString('pem'), key: await keyText(keys.privateKey), fromMs, untilMs }
}

/** A certificate of a server by an authority: for what it serves and for whom it asks. */
export async function issueServer(server: string, authority: Issued, fromMs: number): Promise<Issued> {
  const library = await x509()
  const keys = await newKeys()
  const untilMs = Math.min(fromMs + SERVER_LIFE_MS, authority.untilMs)
  const issuer = new library.X509Certificate(authority.certificate)
  const zone = meshZone(server)
  const certificate = await library.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [zone] }],
    issuer: issuer.subjectName,
    notBefore: new Date(fromMs - EARLY_MS),
    notAfter: new Date(untilMs),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await readKey(authority.key),
    extensions: [
      new library.BasicConstraintsExtension(false, undefined, true),
      new library.KeyUsagesExtension(library.KeyUsageFlags.digitalSignature, true),
      new library.ExtendedKeyUsageExtension([library.ExtendedKeyUsage.serverAuth, library.ExtendedKeyUsage.clientAuth]),
      new library.SubjectAlternativeNameExtension([
        { type: 'dns', value: `*.${zone}` },
        { type: 'dns', value: zone },
      ]),
      await library.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return { certificate: certificate.toString('pem'), key: await keyText(keys.privateKey), fromMs, untilMs }
}

function newSerial(): string {
  // Positive, and never 0.
  return `01${randomBytes(15).toString('hex')}`
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])
}

async function keyText(key: webcrypto.CryptoKey): Promise<string> {
  const base64 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  const lines = base64.match(/.{1,64}/g) ?? []
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n')
}

function readKey(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64')
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
}
