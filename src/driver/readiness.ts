import type { Result } from '../model/index.js'
import { fail, ok } from '../model/index.js'
import type { Readiness, ReadinessQuestion } from '../controller/index.js'
import { at, readJsonIfThere, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import { runHealthcheck } from './healthcheck.js'
import type { HealthMemory } from './healthcheck.js'
import { probeAddress } from './probe.js'
import type { Way } from './way.js'

/** How a server's replicas are asked. `shared`: networks of a Swarm, by which its host reaches none of them. */
export interface Ear {
  readonly way: Way
  readonly health: HealthMemory
  readonly shared: ReadonlySet<string>
}

/** Asks probe and healthcheck at once. Ready when all that was asked is; unknown says nothing about the replica. */
export async function askReplica(
  engine: Engine,
  ear: Ear,
  question: ReadinessQuestion,
  signal: AbortSignal,
): Promise<Readiness> {
  const answers = await Promise.all([
    ...(question.probe === null ? [] : [askProbe(engine, ear, question, signal)]),
    ...(question.healthcheck ? [runHealthcheck(engine, ear.health, question.replica.containerId, signal)] : []),
  ])
  return (
    answers.find((answer) => answer.verdict === 'not-ready') ??
    answers.find((answer) => answer.verdict === 'unknown') ??
    answers[0] ?? { verdict: 'unknown', output: 'there is neither a probe nor a healthcheck to ask' }
  )
}

/**
 * A good answer counts only if the address still is the container's: after a restart another container may have it, and would answer for
 * the one that crashes.
 */
async function askProbe(
  engine: Engine,
  { way, shared }: Ear,
  question: ReadinessQuestion,
  signal: AbortSignal,
): Promise<Readiness> {
  const { replica, probe } = question
  if (probe === null) return { verdict: 'unknown', output: 'there is no probe' }
  const known = firstAddress(Object.entries(replica.addresses))
  const address = known === null ? await addressOf(engine, replica.containerId, shared, signal) : ok(known)
  if (!address.ok) return address.problem
  const context = { way, clock: engine.clock, limits: engine.limits }
  // Asked while the body is on its way. It saves more than the time of the call: a server that sends head and body apart holds the body back until
  // the head is acknowledged, and who has nothing to say acknowledges 40 ms later.
  const checks: Promise<Result<Addresses, Readiness>>[] = []
  const check = (): void => void checks.push(addressesOf(engine, replica.containerId, shared, signal))
  const answer = await probeAddress(context, probe, address.value, signal, known === null ? undefined : check)
  const [checked] = checks
  if (answer.verdict !== 'ready' || checked === undefined) return answer
  const now = await checked
  if (!now.ok) return now.problem
  if (now.value.some(([, other]) => other === known)) return answer
  return { verdict: 'not-ready', output: `${known} is no longer the address of the container` }
}

type Addresses = readonly (readonly [network: string, address: string])[]

/** By network name, so that the same one is asked each time. */
function firstAddress(addresses: Addresses): string | null {
  return [...addresses].sort(([a], [b]) => (a < b ? -1 : 1))[0]?.[1] ?? null
}

async function addressOf(
  engine: Engine,
  id: string,
  shared: Ear['shared'],
  signal: AbortSignal,
): Promise<Result<string, Readiness>> {
  const addresses = await addressesOf(engine, id, shared, signal)
  if (!addresses.ok) return addresses
  const address = firstAddress(addresses.value)
  return address === null ? fail({ verdict: 'unknown', output: 'the container has no address to probe' }) : ok(address)
}

async function addressesOf(
  engine: Engine,
  id: string,
  shared: Ear['shared'],
  signal: AbortSignal,
): Promise<Result<Addresses, Readiness>> {
  const call = { method: 'GET', path: `/containers/${segment(id)}/json`, lane: 'read' } as const
  const info = await readJsonIfThere(engine, call, 'find its address', signal)
  if (!info.ok) return fail({ verdict: 'unknown', output: info.problem.message })
  if (info.value === null) return fail({ verdict: 'not-ready', output: 'the container is gone' })
  const status = textAt(info.value, 'State', 'Status')
  if (status !== 'running') return fail({ verdict: 'not-ready', output: `the container is ${status}` })
  const networks = at(info.value, 'NetworkSettings', 'Networks')
  const entries = networks !== null && typeof networks === 'object' ? Object.entries(networks) : []
  return ok(
    entries.flatMap(([network, raw]): Addresses => {
      if (network === 'host') return [[network, '127.0.0.1']]
      const address = textAt(raw, 'IPAddress')
      return address === '' || shared.has(network) ? [] : [[network, address]]
    }),
  )
}
