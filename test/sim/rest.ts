import { INGRESS_STACK, formatLimits, specHash } from '../../src/model/index.js'
import type { ProblemCode, ServiceSpec } from '../../src/model/index.js'
import { isOurs, isUp } from './box.js'
import { uncertified } from './certified.js'
import { mended } from './drafts.js'
import { SIGNED } from './git.js'
import { fitsZone, placeOf, serves } from './truth.js'
import { FLEET, nameBox } from './world.js'
import type { World } from './world.js'

const MINUTE_MS = 60_000

/** After the last fault: ten polls of Git and looks, the longest pause between two tries, the pulls and healthchecks, and rolling over. */
export const CONVERGENCE_MS = 45 * MINUTE_MS
const QUIET_MS = 30 * MINUTE_MS
/** Twelve hours, and a tenth by the host's name. */
const LONGEST_BACKOFF_MS = 13.3 * 60 * MINUTE_MS
const WORTH_WAITING_MS = 4 * 60 * MINUTE_MS

/** All faults stop. Whatever a person must say is said. */
export function heal(world: World): void {
  world.harm.shake()
  for (const [server, link] of world.links) {
    link.heal()
    world.harm.cutForMs(server)
  }
  for (const engine of world.engines.values()) {
    engine.isDiskFull = false
    engine.isBroken = false
    engine.hasZombies = false
    engine.takenPorts.clear()
    for (const box of [...engine.boxes.values()]) if (!isOurs(box, FLEET)) engine.erase(box.id)
  }
  world.git.heal()
  world.checks.mood = 'yes'
  for (const papers of world.papers.values()) papers.heal()
  world.registry.isDown = false
  world.registry.isLimiting = false
  for (const seat of world.seats.splice(1)) world.kill(seat)
  world.main.faults.refusal = null
  if (world.main.isDamaged) {
    world.main.isDamaged = false
    world.main.disk.erase()
    world.forget(null)
  }
  world.boot()
}

/** Failures of a server and of nobody's commit: once it is in order again, a person says retry. */
const OF_SERVERS: ReadonlySet<ProblemCode> = new Set(['DISK_FULL', 'PORT_TAKEN', 'NAME_TAKEN', 'ENGINE_ERROR'])

/** What somebody at the terminal does when `status` asks for it. */
function obeyStatus(world: World): void {
  const status = world.main.controller?.status()
  if (status === undefined) return
  const by = 'ada'
  if (world.ledger.hasRival) world.command({ kind: 'resume', scope: '*', by })
  for (const { scope } of status.suspended) world.command({ kind: 'resume', scope, by })
  for (const server of status.servers) if (server.drained) world.command({ kind: 'undrain', server: server.name, by })
  if (status.source.held !== null) world.command({ kind: 'approve', sha: status.source.held.revision.sha, by })
  const orphans = status.problems.find(({ code }) => code === 'PRUNE_GUARD')
  if (orphans !== undefined && status.source.accepted !== null)
    world.command({ kind: 'approve', sha: status.source.accepted.sha, by })
  for (const { name, phase, services } of status.stacks)
    if (
      (phase === 'rejected' || phase === 'failed') &&
      // No commit changes the proxies: who broke their first rollout by hand says retry himself.
      (name === INGRESS_STACK ||
        services.some(({ failure }) => failure !== null && OF_SERVERS.has(failure.problem.code)))
    )
      world.command({ kind: 'retry', stack: name, by })
  for (const problem of invisible(world)) world.blame('I-40', problem)
}

/** What stands still and says nothing. */
function invisible(world: World): readonly string[] {
  const stacks = world.main.controller?.status().stacks ?? []
  return stacks.flatMap((stack) => [
    ...(stack.sentence === '' ? [`${stack.name} is ${stack.phase} and says nothing`] : []),
    ...stack.services.flatMap((service) =>
      service.sentence === '' ? [`${stack.name}/${service.name} is ${service.phase} and says nothing`] : [],
    ),
  ])
}

/** The liveness phase: the world is healed, a good commit comes, and everything must be as it says within the bound, and then stay. */
export async function rest(world: World): Promise<void> {
  heal(world)
  await world.clock.run(2 * MINUTE_MS, () => world.violations.length > 0)
  if (world.violations.length > 0) return
  const startMs = world.clock.nowMs()
  world.commit(mended(world.draft), 'mend everything', SIGNED)
  const wrong = await converge(world, CONVERGENCE_MS)
  if (world.violations.length > 0) return
  world.convergedAfterMs = world.clock.nowMs() - startMs
  if (wrong.length > 0) world.blame('I-36', `${wrong.join('; ')} (${sentences(world)})`)
  else {
    await quiet(world)
    await certify(world)
  }
}

/** Some host is not ordered for before a time that `status` tells: something failed, and the authority has limits. */
function waits(world: World): boolean {
  const nowMs = world.clock.nowMs() + world.wallOffsetMs
  return (world.main.controller?.status().certificates ?? []).some(
    ({ failures, nextOrderAtMs }) => failures > 0 && nextOrderAtMs > nowMs,
  )
}

/** Those that wait get theirs once their time has come, and are not kept waiting for longer than backoff and limits take. */
async function certify(world: World): Promise<void> {
  const statuses = world.main.controller?.status().certificates ?? []
  const nowMs = world.clock.nowMs() + world.wallOffsetMs
  const bare = uncertified(world)
  if (bare.length === 0) return
  const leftMs = Math.max(
    0,
    ...statuses.map(({ nextOrderAtMs, failures }) => (failures > 0 ? nextOrderAtMs - nowMs : 0)),
  )
  if (leftMs > LONGEST_BACKOFF_MS) world.blame('C-05', `${bare.join('; ')}, and nothing is ordered for ${leftMs} ms`)
  if (leftMs > WORTH_WAITING_MS) return
  await world.clock.run(leftMs + 10 * MINUTE_MS, () => world.violations.length > 0)
  for (const wrong of uncertified(world)) world.blame('C-05', `${wrong}, long after everything was mended`)
}

/** A person looks on until everything is as Git says, or the time is over. Answers what is wrong then. */
export async function converge(world: World, withinMs: number): Promise<readonly string[]> {
  const endMs = world.clock.nowMs() + withinMs
  let wrong: readonly string[] = ['nothing was looked at yet']
  while (wrong.length > 0 && world.clock.nowMs() < endMs && world.violations.length === 0) {
    await world.clock.run(MINUTE_MS / 2, () => world.violations.length > 0)
    obeyStatus(world)
    wrong = unmet(world)
  }
  return wrong
}

function sentences(world: World): string {
  const status = world.main.controller?.status()
  const stacks = status?.stacks.map(({ name, phase, sentence }) => `${name} ${phase}: ${sentence}`) ?? ['no controller']
  const source = status?.source.problem?.message ?? status?.source.held?.problem.message ?? ''
  return [...stacks, source, ...(status?.problems.map(({ message }) => message) ?? [])].join(' | ')
}

/** Nothing is done and nothing is written while nothing changes. */
async function quiet(world: World): Promise<void> {
  await world.clock.run(2 * MINUTE_MS)
  const before = { ...world.counts }
  await world.clock.run(QUIET_MS, () => world.violations.length > 0)
  const { creates, removes, starts, stops, writes } = world.counts
  const isStill =
    creates === before.creates && removes === before.removes && starts === before.starts && stops === before.stops
  if (!isStill) world.blame('I-38', 'containers change although everything is as it should be')
  if (writes !== before.writes)
    world.blame('I-38', `${writes - before.writes} writes to the journal while nothing changes`)
  for (const wrong of unmet(world)) world.blame('I-36', `${wrong}, after it had been right`)
}

/** Everything in which the servers differ from what Git says. Empty: converged, and nothing is left over (I-30). */
export function unmet(world: World): readonly string[] {
  const desired = world.git.head === null ? null : world.oracle.of(world.git.head)
  if (desired === null) return ['Git cannot be read']
  const specs = desired.stacks.flatMap((entry) => (entry.kind === 'valid' ? entry.stack.services : []))
  const wanted = new Map(specs.flatMap((spec) => slotsOf(world, spec).map((slot) => [slot, spec] as const)))
  const wrong: string[] = []
  for (const box of world.boxes()) {
    if (!isOurs(box, FLEET)) continue
    const { stack, service, key } = placeOf(box)
    const slot = `${stack}/${service}#${key}`
    const spec = wanted.get(slot)
    wanted.delete(slot)
    if (spec === undefined) wrong.push(`${nameBox(box)} is not wanted, or one too many`)
    else if (box.identity?.specHash !== specHash(spec)) wrong.push(`${nameBox(box)} is outdated`)
    else if (spec.mode !== 'job' && box.limits !== formatLimits(spec)) wrong.push(`${nameBox(box)} has other limits`)
    else if (spec.mode === 'job' ? box.exitCode !== 0 || isUp(box) : !serves(world, box))
      wrong.push(`${nameBox(box)} does not serve`)
  }
  // A job that ran is never run again, also when somebody removed what it left.
  for (const [slot, spec] of wanted) if (spec.mode !== 'job') wrong.push(`${slot} is missing`)
  if (world.main.process?.isAlive !== true) wrong.push('no controller is alive')
  const status = world.main.controller?.status()
  // One that stands still has not heard of it yet.
  if (status?.source.accepted?.sha !== world.git.head) wrong.push('the newest commit is not accepted')
  const phases = status?.stacks ?? []
  for (const { name, phase } of phases)
    if (phase !== 'synced' && phase !== 'done') wrong.push(`${name} says it is ${phase}`)
  if (!waits(world)) wrong.push(...uncertified(world))
  for (const volume of world.harm.lostVolumes()) wrong.push(`volume ${volume} is gone`)
  return wrong
}

function slotsOf(world: World, spec: ServiceSpec): readonly string[] {
  const keys =
    spec.mode === 'global'
      ? world.draft.servers.filter((server) => fitsZone(spec, server))
      : Array.from({ length: spec.mode === 'job' ? 1 : spec.replicas }, (_, index) => String(index + 1))
  return keys.map((key) => `${spec.stack}/${spec.name}#${key}`)
}
