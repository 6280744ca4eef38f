import type { AcmeSettings } from '../model/index.js'
import type { CertificateAuthority, CertificateStore, Clock } from '../controller/index.js'
import { openAccount } from './account.js'
import { foundChecker } from './check-found.js'
import { dnsHook } from './dns-hook.js'
import type { HookCommand } from './dns-hook.js'
import { openOrder } from './order.js'
import { takeOver } from './transport.js'
import type { Conversation } from './transport.js'
import { openVault } from './vault.js'
import type { Vault } from './vault.js'

export interface AcmeOptions {
  /** The data directory; `certificates.sealed` in it holds certificates, keys and accounts, `store.key` the key to it. */
  readonly dir: string
  readonly clock: Clock
  /** 32 bytes; null: `store.key` is made where there is none. */
  readonly storeKey: Uint8Array | null
  /** Of the binding to an account elsewhere, base64url as the authority gave it; null: none. */
  readonly bindingHmac: string | null
  /** What changes DNS; null: nothing does. */
  readonly dnsHook: HookCommand | null
  /** Authorities to believe for the directory instead of the usual ones, as PEM; null: the usual ones. */
  readonly ca: string | null
}

export interface Acme {
  readonly authority: CertificateAuthority
  readonly store: CertificateStore
}

/** Certificates by ACME (RFC 8555). Nothing is loaded, read or asked before it is needed. */
export function openAcme({ dir, clock, storeKey, bindingHmac, dnsHook: program, ca }: AcmeOptions): Acme {
  const vault = openVault(dir, storeKey)
  const hook = program === null ? null : dnsHook(program)
  return {
    store: vault,
    authority: {
      check: foundChecker(ca, clock),
      async open(host, settings, signal) {
        const library = await import('acme-client')
        takeOver(library.axios)
        const conversation: Conversation = { ca, signal, answer: null }
        const parts = { library, vault, hmac: bindingHmac, nowMs: () => clock.nowMs() }
        const client = await openAccount(parts, settings, conversation)
        if (!client.ok) return client
        const order = { library, client: client.value, clock, hook, ca }
        const opened = await openOrder(order, host, settings, conversation)
        // It forgot us, as one for trying does when it starts anew: it is told again, by the same key.
        if (!opened.ok && opened.problem.code === 'ACME_ACCOUNT') forgetAccount(vault, settings)
        return opened
      },
    },
  }
}

function forgetAccount(vault: Vault, { directory, bindingKid }: AcmeSettings): void {
  const account = vault.account(directory, bindingKid)
  if (account.ok && account.value !== null) vault.saveAccount({ ...account.value, url: null })
}
