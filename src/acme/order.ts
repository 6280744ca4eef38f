import type * as Acme from 'acme-client'
import type { Authorization, Client, Order } from 'acme-client'
import { fail, ok } from '../model/index.js'
import type { AcmeChallenge, AcmeSettings, Problem, Result } from '../model/index.js'
import type { Clock, HostCertificate, OpenOrder } from '../controller/index.js'
import { checkChain } from './check-certificate.js'
import type { DnsHook } from './dns-hook.js'
import { oneLine, problemOfCall, readRefusal } from './problems.js'
import { converse } from './transport.js'
import type { Conversation } from './transport.js'

type Library = typeof Acme

export interface OrderParts {
  readonly library: Library
  readonly client: Client
  readonly clock: Clock
  /** Null: DNS cannot be changed. */
  readonly hook: DnsHook | null
  readonly ca: string | null
}

/** What is to be proven of one name of an order, and what the authority is shown for it. */
interface Proof {
  readonly url: string
  readonly challenge: Authorization['challenges'][number]
  readonly name: string
  readonly answer: string
}

const POLL_FIRST_MS = 500
const POLL_MOST_MS = 10_000
/** An authority that looks from several places and asks slow name servers takes a while. */
const VALIDATED_MS = 5 * 60_000
const ISSUED_MS = 5 * 60_000

/** Begins an order for a host. Problems: ACME_*. */
export async function openOrder(
  parts: OrderParts,
  host: string,
  settings: AcmeSettings,
  conversation: Conversation,
): Promise<Result<OpenOrder>> {
  const { client } = parts
  const opened = await attempt(parts, conversation, `an order for ${host} at ${settings.directory}`, async () => {
    const order = await client.createOrder({ identifiers: [{ type: 'dns', value: host }] })
    return { order, proofs: await proofsOf(client, await client.getAuthorizations(order), settings) }
  })
  if (!opened.ok) return opened
  const { order, proofs } = opened.value
  if (!proofs.ok) return proofs
  const answers = proofs.value.filter(({ challenge }) => challenge.type === 'http-01')
  return ok({
    answers: answers.map(({ challenge, answer }): AcmeChallenge => ({ token: challenge.token, answer })),
    prove: (signal) => prove(parts, { host, settings, order, proofs: proofs.value }, signal),
    fetch: (signal) => fetchCertificate(parts, { host, settings, order, proofs: proofs.value }, signal),
  })
}

/** Of the names that the authority does not know as ours already. */
async function proofsOf(
  client: Client,
  authorizations: readonly Authorization[],
  { challenge: type }: AcmeSettings,
): Promise<Result<readonly Proof[]>> {
  const proofs: Proof[] = []
  for (const { url, status, identifier, challenges } of authorizations) {
    if (status === 'valid') continue
    const challenge = challenges.find((one) => one.type === type)
    if (challenge === undefined) {
      const offered = challenges.map((one) => one.type).join(', ')
      const message = `${identifier.value}: the authority does not take ${type}, but ${oneLine(offered) || 'nothing'}; ingress.acme.challenge says which`
      return fail({ code: 'ACME_ORDER', message })
    }
    const answer = await client.getChallengeKeyAuthorization(challenge)
    proofs.push({ url, challenge, name: identifier.value, answer })
  }
  return ok(proofs)
}

interface Begun {
  readonly host: string
  readonly settings: AcmeSettings
  readonly order: Order
  readonly proofs: readonly Proof[]
}

/** Shows what is to be seen in DNS, and takes it away again. What stays behind there harms nobody: the next order shows another value. */
async function prove(parts: OrderParts, begun: Begun, signal: AbortSignal): Promise<Result<null>> {
  const shown: Proof[] = []
  try {
    for (const proof of begun.proofs) {
      if (proof.challenge.type !== 'dns-01') continue
      shown.push(proof)
      const presented = await callHook(parts, 'present', proof, signal)
      if (!presented.ok) return presented
    }
    return await letLook(parts, begun, { ca: parts.ca, signal, answer: null })
  } finally {
    for (const proof of shown) await callHook(parts, 'cleanup', proof, signal)
  }
}

async function fetchCertificate(
  parts: OrderParts,
  { host, settings, order }: Begun,
  signal: AbortSignal,
): Promise<Result<HostCertificate>> {
  const conversation: Conversation = { ca: parts.ca, signal, answer: null }
  const what = whatOf(host, settings)
  const made = await attempt(parts, conversation, what, async () => {
    const ready = await settled(parts, conversation, ISSUED_MS, () => parts.client.getOrder(order), isReady)
    if (ready === null) return null
    const key = (await parts.library.crypto.createPrivateEcdsaKey('P-256')).toString()
    const [, csr] = await parts.library.crypto.createCsr({ altNames: [host] }, key)
    const sent = ready.status === 'ready' ? await parts.client.finalizeOrder(ready, csr) : ready
    const done = await settled(parts, conversation, ISSUED_MS, () => parts.client.getOrder(order), isDone, sent)
    return done === null
      ? null
      : { key, done, text: done.status === 'valid' ? await parts.client.getCertificate(done) : '' }
  })
  if (!made.ok) return made
  if (made.value === null) return fail(pending(what))
  const { key, done, text } = made.value
  if (done.status !== 'valid') return fail(invalid(what, readRefusal(done.error)?.detail))
  const checked = checkChain(text, host, key, parts.clock.nowMs())
  if (!checked.ok) return checked
  const { chain, fromMs, untilMs } = checked.value
  return ok({ host, directory: settings.directory, pem: `${chain}${key}`, fromMs, untilMs })
}

async function letLook(
  parts: OrderParts,
  { host, settings, order, proofs }: Begun,
  conversation: Conversation,
): Promise<Result<null>> {
  if (proofs.length === 0) return ok(null)
  const what = whatOf(host, settings)
  const looked = await attempt(parts, conversation, what, async () => {
    for (const { challenge } of proofs) await parts.client.completeChallenge(challenge)
    return settled(
      parts,
      conversation,
      VALIDATED_MS,
      () => parts.client.getAuthorizations(order),
      (all) => all.every(({ status }) => status !== 'pending'),
    )
  })
  if (!looked.ok) return looked
  if (looked.value === null) return fail(pending(what))
  const refused = looked.value.find(({ status }) => status !== 'valid')
  if (refused === undefined) return ok(null)
  const seen = refused.challenges
    .map((one) => readRefusal('error' in one ? one.error : null))
    .find((one) => one !== null)
  const message = `the authority looked whether ${host} is ours by ${proofs[0]?.challenge.type ?? 'nothing'}, and saw: ${oneLine(seen?.detail ?? `status ${refused.status}`)}`
  return fail({ code: 'ACME_CHALLENGE', message })
}

function whatOf(host: string, { directory }: AcmeSettings): string {
  return `the order for ${host} at ${directory}`
}

function isReady({ status }: Order): boolean {
  return status !== 'pending'
}

function isDone({ status }: Order): boolean {
  return status === 'valid' || status === 'invalid'
}

function pending(what: string): Problem {
  return {
    code: 'ACME_PENDING',
    message: `${what} is still under way after ${ISSUED_MS / 60_000} min; it is begun anew later`,
  }
}

function invalid(what: string, detail: string | undefined): Problem {
  return { code: 'ACME_ORDER', message: `${what} was refused: ${oneLine(detail ?? 'it does not say why')}` }
}

/** Asks, with growing pauses, until it is so; null: it was not in time. `first`: what was answered already. */
async function settled<T>(
  { clock }: OrderParts,
  { signal }: Conversation,
  withinMs: number,
  ask: () => Promise<T>,
  isSettled: (value: T) => boolean,
  first?: T,
): Promise<T | null> {
  const endMs = clock.nowMs() + withinMs
  let value = first ?? (await ask())
  for (let pauseMs = POLL_FIRST_MS; !isSettled(value); pauseMs = Math.min(POLL_MOST_MS, pauseMs * 1.5)) {
    if (signal.aborted || clock.nowMs() >= endMs) return null
    await pause(clock, pauseMs, signal)
    value = await ask()
  }
  return value
}

function pause(clock: Clock, pauseMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(pauseMs, end)
    signal.addEventListener('abort', end)
  })
}

async function attempt<T>(
  { clock }: OrderParts,
  conversation: Conversation,
  what: string,
  talk: () => Promise<T>,
): Promise<Result<T>> {
  try {
    return ok(await converse(conversation, talk))
  } catch (error) {
    return fail(problemOfCall(error, conversation, what, clock.nowMs()))
  }
}

function callHook(
  { hook }: OrderParts,
  what: 'present' | 'cleanup',
  { name, answer }: Proof,
  signal: AbortSignal,
): Promise<Result<null>> {
  if (hook !== null) return hook(what, `_acme-challenge.${name}`, answer, signal)
  const message = `${name} is to be proven by DNS, and SLIPWAY_ACME_DNS_HOOK, the command that changes it, is not set for the controller`
  return Promise.resolve(
    fail({ code: 'ACME_HOOK', message, next: { kind: 'stalled', remedy: 'set SLIPWAY_ACME_DNS_HOOK' } }),
  )
}
