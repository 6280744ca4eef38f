import { isAbsolute } from 'node:path'

export interface AcmeSecrets {
  /** 32 bytes; null: those of a file in the data directory. */
  readonly storeKey: Uint8Array | null
  /** Base64url. */
  readonly bindingHmac: string | null
  /** Path of a command; null: DNS cannot be changed. */
  readonly dnsHook: string | null
  /** PEM; null: the usual authorities. */
  readonly ca: string | null
}

interface Values {
  readonly storeKey: string | null
  readonly acmeEabHmac: string | null
  readonly acmeDnsHook: string | null
  readonly acmeCa: string | null
}

const KEY_BYTES = 32

/** Never repeats a value in a problem: each of them can hold a secret. */
export function readAcme({ storeKey, acmeEabHmac, acmeDnsHook, acmeCa }: Values, problems: string[]): AcmeSecrets {
  const key = storeKey === null ? null : Buffer.from(storeKey.trim(), 'base64')
  if (key !== null && key.length !== KEY_BYTES)
    problems.push(
      `SLIPWAY_STORE_KEY is not ${KEY_BYTES} bytes in base64: make one with openssl rand -base64 ${KEY_BYTES}`,
    )
  const hmac = acmeEabHmac?.trim() ?? null
  if (hmac !== null && !/^[A-Za-z0-9_+/-]{16,1024}=*$/.test(hmac))
    problems.push('SLIPWAY_ACME_EAB_HMAC is not base64url, as certificate authorities give it')
  if (acmeDnsHook !== null && !isAbsolute(acmeDnsHook))
    problems.push('SLIPWAY_ACME_DNS_HOOK is the path of a command, from the root: no arguments, no shell')
  if (acmeCa !== null && !acmeCa.includes('-----BEGIN CERTIFICATE-----'))
    problems.push('SLIPWAY_ACME_CA has no certificate in PEM form; a file is named by SLIPWAY_ACME_CA_FILE')
  return { storeKey: key, bindingHmac: hmac, dnsHook: acmeDnsHook, ca: acmeCa }
}
