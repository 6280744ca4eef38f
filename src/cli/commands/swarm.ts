import { isIP } from 'node:net'
import { formatProblem } from '../../model/index.js'
import type { Problem, Result, Server } from '../../model/index.js'
import type { SwarmCondition, SwarmStep, Swarmer } from '../../controller/index.js'
import { EXIT } from '../exit-code.js'
import { usage } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { desiredOf, withSource } from '../preview.js'
import { formatStep, formatSwarm, swarmToJson } from '../show/swarm.js'
import { planSwarm } from '../swarm-steps.js'
import type { SwarmPlan, SwarmWish } from '../swarm-steps.js'

/** Makes the servers one Swarm, or mends the one that they are, for overlay networks. Without `--yes` it only looks. */
export async function run(invocation: Invocation): Promise<number> {
  const { options, format, io, settings, parts } = invocation
  const folder = typeof options.folder === 'string' ? options.folder : null
  const desired = await withSource(invocation, folder, (source) => desiredOf(invocation, source))
  const { servers } = desired.fleet
  const wish = wishOf(options, servers)
  const driver = await parts.openDriver(settings, () => undefined)
  try {
    driver.use(desired.fleet.name, servers)
    const before = await lookAt(driver, servers, io.interrupted)
    const plan = planSwarm({ ...wish, ...seenIn(before) })
    const done = options.yes === true ? await takeSteps(invocation, driver, plan.steps) : []
    const after = done.length > 0 ? await lookAt(driver, servers, io.interrupted) : before
    const report = { looks: after, plan, done, isYes: options.yes === true }
    if (format === 'json') io.out(`${JSON.stringify(swarmToJson(report), null, 2)}\n`)
    else io.out(formatSwarm(report, invocation))
    return exitCode(report)
  } finally {
    await driver.close()
  }
}

export type SwarmLook = readonly [server: string, look: Result<SwarmCondition>]

/** What was seen last, what was to be done about what was seen first, and what of that was. */
export interface SwarmReport {
  readonly looks: readonly SwarmLook[]
  readonly plan: SwarmPlan
  readonly done: readonly { readonly step: SwarmStep; readonly problem: Problem | null }[]
  readonly isYes: boolean
}

function wishOf(options: Invocation['options'], servers: readonly Server[]): Pick<SwarmWish, 'managers' | 'addressOf'> {
  const said = typeof options.managers === 'string' ? options.managers : null
  const managers = said === null ? null : Number(said)
  if (managers !== null && !(Number.isInteger(managers) && managers >= 1 && managers <= servers.length))
    throw usage(`--managers ${said}: expected a number from 1 to ${servers.length}, the number of servers`)
  const addresses = new Map(pairsIn(options.address).map(([name, address]) => [name, address]))
  for (const [name, address] of addresses) {
    if (!servers.some((server) => server.name === name)) throw usage(`--address ${name}=…: there is no server ${name}`)
    if (isIP(address) === 0) throw usage(`--address ${name}=${address}: expected an IP address`)
  }
  return { managers, addressOf: (name) => addresses.get(name) ?? ownAddress(servers, name) }
}

/** `lon-1=10.0.0.11 lon-2=10.0.0.12`. */
function pairsIn(said: unknown): readonly (readonly [string, string])[] {
  const pairs = typeof said === 'string' ? said.split(/[\s,]+/).filter((pair) => pair !== '') : []
  return pairs.map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, Math.max(at, 0)), pair.slice(at + 1)]
  })
}

/** By which the controller reaches it, where that is an address: a name may lead elsewhere from another server. */
function ownAddress(servers: readonly Server[], name: string): string {
  const address = servers.find((server) => server.name === name)?.address
  return address?.kind === 'ssh' && isIP(address.host) !== 0 ? address.host : ''
}

function lookAt(driver: Swarmer, servers: readonly Server[], signal: AbortSignal): Promise<readonly SwarmLook[]> {
  return Promise.all(servers.map(async ({ name }) => [name, await driver.swarm(name, signal)] as const))
}

function seenIn(looks: readonly SwarmLook[]): Pick<SwarmWish, 'seen' | 'isWhole'> {
  const seen = looks.flatMap(([server, look]) => (look.ok ? [{ server, condition: look.value }] : []))
  return { seen, isWhole: seen.length === looks.length }
}

/** One after the other: what comes later leans on what came before. */
async function takeSteps(
  { io, format }: Invocation,
  driver: Swarmer,
  steps: readonly SwarmStep[],
): Promise<SwarmReport['done']> {
  const done: { readonly step: SwarmStep; readonly problem: Problem | null }[] = []
  for (const step of steps) {
    if (format !== 'json') io.err(`${formatStep(step)}…\n`)
    const result = await driver.changeSwarm(step, io.interrupted)
    done.push({ step, problem: result.ok ? null : result.problem })
    if (!result.ok && format !== 'json') io.err(`  ${formatProblem(result.problem)}\n`)
    if (!result.ok && step.kind !== 'join') break
  }
  return done
}

function exitCode({ looks, plan, done, isYes }: SwarmReport): number {
  const isSeen = looks.every(([, look]) => look.ok) && plan.problems.length === 0
  if (!isSeen || done.some(({ problem }) => problem !== null)) return EXIT.failure
  return plan.steps.length > 0 && !isYes ? EXIT.changes : EXIT.ok
}
