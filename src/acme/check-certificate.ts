import { X509Certificate, createPrivateKey } from 'node:crypto'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'

const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g
const MOST_BLOCKS = 20
/** Clocks differ. */
const EARLY_MS = 24 * 3_600_000

export interface CheckedChain {
  /** The chain alone, written anew. */
  readonly chain: string
  readonly fromMs: number
  readonly untilMs: number
}

/** That a chain is for the host, for our key and for now. Problems: ACME_CERTIFICATE. */
export function checkChain(text: string, host: string, key: string, nowMs: number): Result<CheckedChain> {
  const blocks = text.match(BLOCK) ?? []
  const wrong = (why: string): Result<never> =>
    fail({ code: 'ACME_CERTIFICATE', message: `the certificate that came for ${host} is not used: ${why}` })
  if (blocks.length > MOST_BLOCKS) return wrong(`its chain has ${blocks.length} certificates`)
  let own: X509Certificate | undefined
  try {
    own = blocks.map((block) => new X509Certificate(block))[0]
  } catch {
    return wrong('it cannot be read')
  }
  if (own === undefined) return wrong('there is none in the answer')
  if (!own.checkPrivateKey(createPrivateKey(key))) return wrong('it is for another key')
  if (!namesOf(own).includes(host.toLowerCase())) return wrong(`it is for ${own.subjectAltName ?? 'no name'}`)
  const [fromMs, untilMs] = [Date.parse(own.validFrom), Date.parse(own.validTo)]
  if (!(untilMs > nowMs)) return wrong(`it ended ${own.validTo}`)
  if (!(fromMs <= nowMs + EARLY_MS)) return wrong(`it begins ${own.validFrom}; is a clock wrong?`)
  return ok({ chain: blocks.map((block) => `${block.trim()}\n`).join(''), fromMs, untilMs })
}

function namesOf({ subjectAltName }: X509Certificate): readonly string[] {
  return (subjectAltName ?? '').split(', ').map((name) => name.replace(/^DNS:/, '').toLowerCase())
}
