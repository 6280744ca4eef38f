import type * as Acme from 'acme-client'
import type { Client } from 'acme-client'
import { fail, ok } from '../model/index.js'
import type { AcmeSettings, Result } from '../model/index.js'
import type { Account, Vault } from './vault.js'
import { problemOfCall, stalled } from './problems.js'
import { converse } from './transport.js'
import type { Conversation } from './transport.js'

type Library = typeof Acme

export interface AccountParts {
  readonly library: Library
  readonly vault: Vault
  /** Secret of the binding to an account elsewhere; null: there is none. */
  readonly hmac: string | null
  readonly nowMs: () => number
}

/** A client with an account that the authority knows. Its key is kept before the authority hears of it. Problems: ACME_*, STORE_FAILED. */
export async function openAccount(
  parts: AccountParts,
  settings: AcmeSettings,
  conversation: Conversation,
): Promise<Result<Client>> {
  const bound = binding(parts, settings)
  if (!bound.ok) return bound
  const kept = parts.vault.account(settings.directory, settings.bindingKid)
  if (!kept.ok) return kept
  const account = kept.value ?? (await newAccount(parts, settings))
  const client = new parts.library.Client({
    directoryUrl: settings.directory,
    accountKey: account.key,
    ...(account.url === null ? {} : { accountUrl: account.url }),
    ...(bound.value === null ? {} : { externalAccountBinding: bound.value }),
  })
  if (account.url !== null && account.email === settings.email) return ok(client)
  if (kept.value === null) {
    const saved = parts.vault.saveAccount(account)
    if (!saved.ok) return saved
  }
  return converse(conversation, async () => {
    try {
      return await register(parts, client, account, settings)
    } catch (error) {
      const problem = problemOfCall(error, conversation, `the account at ${settings.directory}`, parts.nowMs())
      // Nothing is asked of a host yet: what it does not let us is to be somebody.
      if (problem.code !== 'ACME_CHALLENGE') return fail(problem)
      return stalled(settings.bindingKid === null ? 'ACME_ACCOUNT' : 'ACME_BINDING', problem.message)
    }
  })
}

/** Makes the account, or tells the authority another address. */
async function register(
  { vault }: AccountParts,
  client: Client,
  account: Account,
  settings: AcmeSettings,
): Promise<Result<Client>> {
  if (account.url === null && !settings.termsAgreed) {
    const terms = await client.getTermsOfServiceUrl()
    if (typeof terms === 'string')
      return stalled(
        'ACME_TERMS',
        `${settings.directory} gives certificates to who agrees to its terms (${terms}): write terms_agreed: true under ingress.acme in slipway.yaml`,
      )
  }
  const contact = settings.email === null ? [] : [`mailto:${settings.email}`]
  if (account.url === null) await client.createAccount({ termsOfServiceAgreed: settings.termsAgreed, contact })
  else await client.updateAccount({ contact })
  const saved = vault.saveAccount({ ...account, url: client.getAccountUrl(), email: settings.email })
  return saved.ok ? ok(client) : saved
}

async function newAccount({ library }: AccountParts, settings: AcmeSettings): Promise<Account> {
  const key = (await library.crypto.createPrivateEcdsaKey('P-256')).toString()
  return { directory: settings.directory, bindingKid: settings.bindingKid, key, url: null, email: settings.email }
}

/** Both halves, or neither. */
function binding(
  { hmac }: AccountParts,
  { bindingKid }: AcmeSettings,
): Result<{ kid: string; hmacKey: string } | null> {
  if (bindingKid === null) return ok(null)
  if (hmac !== null) return ok({ kid: bindingKid, hmacKey: hmac })
  return stalled(
    'ACME_BINDING',
    `ingress.acme.eab.kid is ${bindingKid}, and SLIPWAY_ACME_EAB_HMAC, which the authority gave you with it, is not set for the controller`,
  )
}
