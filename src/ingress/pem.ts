import { X509Certificate } from 'node:crypto'

const BLOCK =
  /-----BEGIN (CERTIFICATE|PRIVATE KEY|RSA PRIVATE KEY|EC PRIVATE KEY)-----([A-Za-z0-9+/=\s]*)-----END \1-----/g
const MOST_BYTES = 64 * 1024
const LINE = 64

/** The blocks of a PEM text and nothing else, in their order. Null: no certificate, no key or more than one, or too much. */
export function readPem(text: string): string | null {
  if (text.length > MOST_BYTES) return null
  const blocks = [...text.matchAll(BLOCK)].map(([, label = '', body = '']) => ({
    label,
    base64: body.replaceAll(/\s/g, ''),
  }))
  const keys = blocks.filter(({ label }) => label !== 'CERTIFICATE')
  if (keys.length !== 1 || blocks.length < 2 || blocks.some(({ base64 }) => base64 === '')) return null
  return blocks
    .map(({ label, base64 }) => `-----BEGIN ${label}-----\n${lines(base64)}-----END ${label}-----\n`)
    .join('')
}

function lines(base64: string): string {
  let text = ''
  for (let at = 0; at < base64.length; at += LINE) text += `${base64.slice(at, at + LINE)}\n`
  return text
}

/** When the first certificate of a PEM text begins and ends to be valid, as OpenSSL says it. Null: there is none. */
export function lifeOf(pem: string): { readonly from: string; readonly until: string } | null {
  try {
    const { validFrom, validTo } = new X509Certificate(pem)
    return { from: validFrom, until: validTo }
  } catch {
    return null
  }
}
