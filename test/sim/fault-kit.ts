import { containerName } from '../../src/model/index.js'
import type { ProblemCode } from '../../src/model/index.js'
import { isOurs, isUp } from './box.js'
import type { Box } from './box.js'
import type { Draft, ServiceDraft } from './drafts.js'
import type { SimEngine } from './engine.js'
import { MemoryDisk } from './disk.js'
import type { FaultId } from './fault-table.js'
import { NO_LOSSES } from './link.js'
import type { Losses, SimLink } from './link.js'
import type { Random } from './random.js'
import { seatOf } from './seat.js'
import { FLEET } from './world.js'
import type { World } from './world.js'

/** Does something bad. Answers what undoes it, if anything must. */
export type Injection = (world: World, random: Random) => (() => void) | null

function anyServer(world: World, random: Random): string {
  return random.pick([...world.engines.keys()])
}

export function onLink(fault: FaultId, change: (link: SimLink, random: Random) => void): Injection {
  return (world, random) => {
    const server = anyServer(world, random)
    const link = world.links.get(server)
    if (link === undefined) return null
    change(link, random)
    world.felt(fault)
    world.harm.shake()
    world.harm.cutForMs(server)
    return () => {
      link.heal()
      world.harm.cutForMs(server)
      world.harm.shake()
    }
  }
}

export function cut(fault: FaultId, code: ProblemCode): Injection {
  return onLink(fault, (link) => {
    link.cut = { kind: 'refused', code }
  })
}

export function losing(fault: FaultId, losses: Partial<Losses>): Injection {
  return onLink(fault, (link) => {
    link.losses = { ...NO_LOSSES, ...losses }
  })
}

export function onEngine(
  fault: FaultId,
  change: (engine: SimEngine) => void,
  undo: (engine: SimEngine) => void,
): Injection {
  return (world, random) => {
    const engine = world.engines.get(anyServer(world, random))
    if (engine === undefined) return null
    change(engine)
    world.felt(fault)
    return () => undo(engine)
  }
}

export function onBox(
  fault: FaultId,
  change: (world: World, engine: SimEngine, box: Box, random: Random) => void,
): Injection {
  return (world, random) => {
    const own = world.boxes().filter((box) => isOurs(box, FLEET) && isUp(box))
    if (own.length === 0) return null
    const box = random.pick(own)
    const engine = world.engines.get(box.server)
    if (engine === undefined) return null
    world.harm.shake()
    world.harm.harm(box)
    change(world, engine, box, random)
    world.felt(fault)
    return null
  }
}

/** A commit whose images behave badly: what each world sees of workloads. */
export function workload(fault: FaultId, tags: readonly string[]): Injection {
  return (world, random) => {
    const places = Object.entries(world.draft.stacks).flatMap(([stack, services]) =>
      Object.entries(services).flatMap(([name, service]) => (service.mode === 'job' ? [] : [[stack, name] as const])),
    )
    if (places.length === 0) return null
    const [stack, name] = random.pick(places)
    const services = world.draft.stacks[stack] ?? {}
    const service = services[name]
    if (service === undefined) return null
    const next = { ...services, [name]: { ...service, tag: random.pick(tags) } }
    world.commit({ ...world.draft, broken: {}, stacks: { ...world.draft.stacks, [stack]: next } }, `${name} goes bad`)
    world.felt(fault)
    return null
  }
}

/** A commit whose image takes more memory than its limit, or so much that a server may run out of it. Felt when the kernel kills. */
export function hunger(tag: string, memory: string | null): Injection {
  return (world, random) => {
    const places = servicesOf(world.draft)
    if (places.length > 0) commitTo(world, random.pick(places), { tag, memory, reserve: null }, 'gets hungry')
    return null
  }
}

/** A limit falls below what a container takes while it runs. */
export function squeezed(world: World, random: Random): null {
  const places = servicesOf(world.draft)
  const fed = places.filter(([stack, name]) => {
    const service = world.draft.stacks[stack]?.[name]
    return service?.tag === 'hungry' && service.memory === '96M'
  })
  if (fed.length > 0) commitTo(world, random.pick(fed), { memory: '64M' }, 'gets less')
  else if (places.length > 0) {
    const place = random.pick(places)
    commitTo(world, place, { tag: 'hungry', memory: '96M', reserve: null }, 'is fed')
    world.clock.after(60_000, () => commitTo(world, place, { memory: '64M' }, 'gets less'))
  }
  return null
}

type ServicePlace = readonly [stack: string, name: string]

function servicesOf({ stacks }: Draft): readonly ServicePlace[] {
  return Object.entries(stacks).flatMap(([stack, services]) =>
    Object.entries(services).flatMap(([name, { mode }]) => (mode === 'job' ? [] : [[stack, name] as const])),
  )
}

function commitTo(world: World, [stack, name]: ServicePlace, change: Partial<ServiceDraft>, what: string): void {
  const { [stack]: services, ...others } = world.draft.stacks
  const service = services?.[name]
  if (service === undefined) return
  const next = { ...services, [name]: { ...service, ...change } }
  world.commit({ ...world.draft, broken: {}, stacks: { ...others, [stack]: next } }, `${name} ${what}`)
}

/** Whoever the checks of canaries ask has a bad time. */
export function disliked(world: World, random: Random): () => void {
  world.checks.mood = random.pick(['no', 'no', 'unknown', 'silent'])
  world.felt('F63')
  return () => {
    world.checks.mood = 'yes'
  }
}

export function gitSays(fault: FaultId, codes: readonly ProblemCode[]): Injection {
  return (world, random) => {
    world.git.problem = { code: random.pick(codes), message: 'the simulator says so' }
    world.felt(fault)
    return () => world.git.heal()
  }
}

export function broken(fault: FaultId, texts: readonly string[]): Injection {
  return (world, random) => {
    const stacks = Object.keys(world.draft.stacks)
    const path =
      random.chance(0.3) || stacks.length === 0 ? 'slipway.yaml' : `stacks/${random.pick(stacks)}/compose.yaml`
    const before = world.draft
    world.commit({ ...before, broken: { [path]: random.pick(texts) } }, `break ${path}`)
    world.draft = before
    world.felt(fault)
    return null
  }
}

export function refusing(message: string): Injection {
  return (world, random) => {
    world.main.faults.refusal = message
    world.main.faults.countdown = random.chance(0.5) ? random.between(1, 4) : 0
    return () => {
      world.main.faults.refusal = null
    }
  }
}

/** The journal is gone, or is what it was some time ago; the controller that finds it so is a new one. */
export function journalLost(world: World): null {
  world.felt('F53')
  world.kill()
  world.main.disk.erase()
  world.forget(null)
  world.boot()
  return null
}

export function journalRestored(world: World): null {
  const backup = world.backup
  if (backup === null) return null
  world.felt('F53')
  world.kill()
  backup.restore()
  world.forget(backup)
  world.boot()
  return null
}

export function journalDamaged(world: World): () => void {
  world.felt('F53')
  world.kill()
  world.main.isDamaged = true
  return () => {
    world.main.isDamaged = false
    world.main.disk.erase()
    world.forget(null)
    world.boot()
  }
}

export function rivalComes(world: World): (() => void) | null {
  if (world.seats.length > 1) return null
  const rival = seatOf('two', new MemoryDisk())
  world.seats.push(rival)
  world.felt('F38')
  world.boot(rival)
  return () => {
    world.kill(rival)
    world.seats.length = 1
  }
}

export function foreignName(world: World, random: Random): null {
  const specs = world.git.head === null ? [] : (world.oracle.of(world.git.head)?.stacks ?? [])
  const services = specs.flatMap((entry) => (entry.kind === 'valid' ? entry.stack.services : []))
  if (services.length === 0) return null
  const spec = random.pick(services)
  const slot = { stack: spec.stack, service: spec.name, key: String(random.between(1, Math.max(1, spec.replicas))) }
  const name = containerName({ fleet: FLEET, slot, specHash: world.oracle.hashOf(spec), restart: '' })
  const engine = world.engines.get(anyServer(world, random))
  if (engine === undefined || [...engine.boxes.values()].some((box) => box.name === name)) return null
  engine.plant(name, [], null)
  world.felt('F15')
  return null
}

export function lookAlike(world: World, random: Random): null {
  const own = world.boxes().filter((box) => isOurs(box, FLEET))
  if (own.length === 0) return null
  const copied = random.pick(own)
  world.engines.get(anyServer(world, random))?.plant(`copy-${world.boxes().length}`, [], copied)
  world.felt('F37')
  return null
}

export function engineRestarts(world: World, random: Random): () => void {
  const server = anyServer(world, random)
  const [engine, link] = [world.engines.get(server), world.links.get(server)]
  const keeps = random.chance(0.5)
  if (link !== undefined) link.cut = { kind: 'refused', code: 'ENGINE_UNREACHABLE' }
  world.harm.cutForMs(server)
  world.harm.shake()
  if (!keeps) for (const box of engine?.boxes.values() ?? []) if (isUp(box)) world.harm.harm(box)
  if (!keeps) engine?.crash()
  world.felt('F14')
  return () => {
    link?.heal()
    world.harm.cutForMs(server)
    world.harm.shake()
    if (!keeps) engine?.boot()
  }
}

export function reinstalled(world: World, random: Random): null {
  const engine = world.engines.get(anyServer(world, random))
  for (const box of engine?.boxes.values() ?? []) world.harm.harm(box)
  world.harm.shake()
  engine?.reinstall()
  world.felt('F39')
  return null
}

export function misdirected(world: World, random: Random): (() => void) | null {
  const [server, other] = [anyServer(world, random), anyServer(world, random)]
  const link = world.links.get(server)
  if (server === other || link === undefined) return null
  world.felt('F13')
  world.harm.shake()
  if (random.chance(0.5)) link.cut = { kind: 'refused', code: 'HOST_KEY_MISMATCH' }
  else link.leadsTo = other
  world.harm.cutForMs(server)
  return () => {
    link.heal()
    world.harm.cutForMs(server)
    world.harm.shake()
  }
}

export function rewritten(world: World, random: Random): (() => void) | null {
  const { head } = world.git
  const parent = head === null ? null : (world.git.commits.get(head)?.parent ?? null)
  world.felt('F44')
  if (random.chance(0.4)) {
    world.git.problem = { code: random.pick(['GIT_REF_MISSING', 'GIT_EMPTY']), message: 'the branch is gone' }
    return () => world.git.heal()
  }
  world.git.head = parent
  world.commit({ ...world.draft, broken: {} }, 'history anew')
  return null
}

export function staleMirror(world: World): (() => void) | null {
  const { head } = world.git
  world.git.stale = head === null ? null : (world.git.commits.get(head)?.parent ?? null)
  return () => world.git.heal()
}

export function everythingOut(world: World): () => void {
  for (const [server, link] of world.links) {
    link.cut = { kind: 'refused', code: 'SERVER_UNREACHABLE' }
    world.harm.cutForMs(server)
  }
  world.git.problem = { code: 'GIT_UNREACHABLE', message: 'EMFILE' }
  world.felt('F55')
  world.harm.shake()
  return () => {
    for (const [server, link] of world.links) {
      link.heal()
      world.harm.cutForMs(server)
    }
    world.git.heal()
    world.harm.shake()
  }
}

export function emptied(draft: Draft): Draft {
  return { ...draft, stacks: {}, broken: {} }
}
