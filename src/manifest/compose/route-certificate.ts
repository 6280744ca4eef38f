import { X509Certificate, createPrivateKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readPem } from '../../ingress/index.js'
import type { RouteTls } from '../../model/index.js'
import { readNamedFile } from '../named-file.js'
import type { Node } from '../node.js'
import { get, isBroken, quoted, textOf } from '../node.js'
import type { StackContext } from './context.js'

/** Text of a secret, or of a file of the repository. `name`: where it is from. */
interface NamedText {
  readonly name: string
  readonly text: string
}

/** A name that `secrets:` at the top of the file declares stands for what is in it, anything else for a file. Null: reported, or still to be read. */
export function readNamedText(node: Node, context: StackContext): NamedText | null {
  const { report, reader, directory, declared } = context
  const name = textOf(node)
  const secret = declared.secrets.get(name)
  if (secret === null) return null
  if (secret !== undefined)
    return { name: secret.source, text: Buffer.from(secret.contentBase64, 'base64').toString('utf8') }
  if (/^[A-Za-z0-9_-]+$/.test(name)) {
    const message = `the secret ${quoted(name)} is not declared; add it under \`secrets:\` at the top of the file, or name a file`
    report.error('REFERENCE_UNKNOWN', node, message)
    return null
  }
  const file = readNamedFile(name, directory, node, reader, report)
  return file === null ? null : { name: file.path, text: Buffer.from(file.bytes).toString('utf8') }
}

/** `tls: {certificate, key}`: the key may be in the same file. */
export function readOwnCertificate(node: Node, hosts: readonly string[], context: StackContext): RouteTls {
  const { report } = context
  const [certificate, key] = [get(node, 'certificate'), get(node, 'key')]
  const nothing: RouteTls = { kind: 'own', name: '', pem: '' }
  if (certificate === undefined) {
    if (!isBroken(node, 'certificate'))
      report.error(
        'FIELD_MISSING',
        node,
        'name a file or secret with the certificate as `certificate:`, and with its `key:`',
      )
    return nothing
  }
  const texts = [certificate, key].flatMap((one) => (one === undefined ? [] : [readNamedText(one, context)]))
  const [first] = texts
  if (first === undefined || first === null || texts.includes(null)) return nothing
  const pem = readPem(texts.map((one) => one?.text ?? '').join('\n'))
  if (pem === null) {
    const message = `there must be a certificate and one private key, as PEM, and no more than 64 KiB of them${key === undefined ? '; name the key as `key:`' : ''}`
    report.error('CERTIFICATE_INVALID', certificate, message)
    return nothing
  }
  const why = whyUnfit(pem)
  if (typeof why === 'string') report.error('CERTIFICATE_INVALID', key ?? certificate, why)
  else
    for (const host of hosts)
      if (!covers(why, host)) {
        const message = `the certificate of ${quoted(first.name)} is not for ${host}, but for ${namesOf(why)}`
        report.error('CERTIFICATE_INVALID', certificate, message)
      }
  return { kind: 'own', name: first.name, pem }
}

/** What keeps a server from using it; else the certificate of the server itself. */
function whyUnfit(pem: string): string | X509Certificate {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    return 'the private key cannot be read; it must be a PKCS #8, RSA or EC key without a passphrase'
  }
  try {
    const own = new X509Certificate(pem)
    if (own.checkPrivateKey(key)) return own
    const others = pem.split(/(?=-----BEGIN CERTIFICATE-----)/).slice(1)
    const isLater = others.some((text) => new X509Certificate(text).checkPrivateKey(key))
    return isLater
      ? 'the certificate of the server must be the first one, before those of its authorities'
      : 'the private key is not that of the certificate'
  } catch {
    return 'the certificate cannot be read'
  }
}

/** A name with a star stands for any label there. */
export function covers(certificate: X509Certificate, host: string): boolean {
  return certificate.checkHost(host.replace(/^\*\./, 'any-label.'), { subject: 'never' }) !== undefined
}

function namesOf({ subjectAltName }: X509Certificate): string {
  const names = (subjectAltName ?? '').split(', ').map((name) => name.replace(/^DNS:/, ''))
  return (
    names
      .filter((name) => name !== '')
      .slice(0, 5)
      .join(', ') || 'no name at all'
  )
}
