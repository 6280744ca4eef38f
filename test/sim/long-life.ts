import { runInNewContext } from 'node:vm'
import { setFlagsFromString } from 'node:v8'
import { isOurs, isUp } from './box.js'
import { MemoryDisk } from './disk.js'
import { BAD_TAGS, GOOD_TAGS, PLAIN, mended } from './drafts.js'
import type { Draft, StackDraft } from './drafts.js'
import { engineRestarts } from './fault-kit.js'
import { randomOf } from './random.js'
import type { Random } from './random.js'
import { unmet } from './rest.js'
import { serverNames } from './scenario.js'
import { FLEET, World } from './world.js'

export interface LifeOptions {
  readonly servers: number
  readonly days: number
  readonly seed: number
}

/** What is kept at the end of a day, when everything is at rest. */
export interface Day {
  readonly day: number
  readonly facts: number
  readonly stacks: number
  readonly intents: number
  /** The folded state, written out. */
  readonly stateBytes: number
  /** Of the controller and the world around it, after a collection. */
  readonly heapBytes: number
  readonly looks: number
  readonly changes: number
  readonly wrong: readonly string[]
}

const HOUR_MS = 3_600_000
/** Facts that a snapshot covers and that stay readable, those since the newest snapshot, and those of one turn. */
const FACTS_MOST = 200 + 500 + 50
/** By then every image and every kind of fact has been met: what is kept later is compared with that. */
const EARLY_DAY = 5
const HEAP_MORE_BYTES = 50e6
/** The last hours of a day, in which nothing happens: what went wrong must be over by then. */
const EVENING_HOURS = 3

/** Days of a fleet, one after the other, under one controller: a commit a day, flapping and crashing containers, servers that boot. */
export async function* live({ servers, days, seed }: LifeOptions): AsyncGenerator<Day> {
  const random = randomOf(`life ${seed}`)
  const disk = new MemoryDisk()
  const world = new World({ seed, servers: serverNames(servers), disk }, fleetOf(servers))
  try {
    world.commit(world.draft, 'first')
    world.boot()
    let early: Day | null = null
    for (let day = 1; day <= days; day += 1) {
      await liveOneDay(world, random)
      const now = measured(world, disk, day)
      if (day === EARLY_DAY) early = now
      yield { ...now, wrong: [...now.wrong, ...unbounded(now, early)] }
      world.trace.length = 0
      world.made.length = 0
    }
  } finally {
    world.dispose()
  }
}

/** What grows although nothing more has to be kept. */
function unbounded(day: Day, early: Day | null): readonly string[] {
  const { facts, stacks, intents, stateBytes, heapBytes } = day
  return [
    ...(facts > FACTS_MOST ? [`${facts} facts in the journal`] : []),
    ...(stacks > FACTS_MOST / 5 ? [`${stacks} stacks in the journal`] : []),
    ...(intents > 0 ? [`${intents} intents are open`] : []),
    ...(early !== null && stateBytes > 3 * early.stateBytes ? [`the state has ${stateBytes} bytes`] : []),
    ...(early !== null && heapBytes > early.heapBytes + HEAP_MORE_BYTES ? [`the heap has ${heapBytes} bytes`] : []),
  ]
}

function fleetOf(servers: number): Draft {
  const count = Math.max(1, Math.ceil(servers / 5))
  const services: StackDraft = {
    api: { ...PLAIN, replicas: 2 },
    web: { ...PLAIN, replicas: 3, dependsOn: ['api'] },
    worker: { ...PLAIN, checked: false },
  }
  const stacks = Object.fromEntries(Array.from({ length: count }, (_, index) => [`shop${index + 1}`, services]))
  return { servers: serverNames(servers), prune: 1, history: 'fast-forward', stacks, broken: {} }
}

async function liveOneDay(world: World, random: Random): Promise<void> {
  const isOver = (): boolean => world.violations.length > 0
  const commitHour = random.between(0, 10)
  for (let hour = 0; hour < 24; hour += 1) {
    if (hour === commitHour) world.commit(changedByDay(world.draft, random), 'daily')
    if (hour === commitHour + 4) world.commit(mended(world.draft), 'mend')
    if (hour < 24 - EVENING_HOURS) disturb(world, random)
    await world.clock.run(HOUR_MS, isOver)
    if (isOver()) return
  }
}

/** Every day another image somewhere, good or bad. */
function changedByDay(draft: Draft, random: Random): Draft {
  const stack = random.pick(Object.keys(draft.stacks))
  const services = draft.stacks[stack] ?? {}
  const name = random.pick(Object.keys(services))
  const next = {
    ...services,
    [name]: { ...(services[name] ?? PLAIN), tag: random.pick(random.chance(0.5) ? GOOD_TAGS : BAD_TAGS) },
  }
  return { ...draft, stacks: { ...draft.stacks, [stack]: next } }
}

/** Now and then a container crashes a few times, or a server boots. */
function disturb(world: World, random: Random): void {
  if (random.chance(0.3)) {
    const own = world.boxes().filter((box) => isOurs(box, FLEET) && isUp(box))
    const box = own.length === 0 ? undefined : random.pick(own)
    for (let times = 1; times <= random.between(1, 6) && box !== undefined; times += 1)
      world.clock.after(times * 20_000, () => {
        world.harm.shake()
        world.harm.harm(box)
        world.engines.get(box.server)?.kill(box.id, 'crash')
      })
  }
  if (!random.chance(0.1)) return
  const undo = engineRestarts(world, random)
  world.clock.after(random.between(30, 180) * 1_000, undo)
}

function measured(world: World, disk: MemoryDisk, day: number): Day {
  const state = world.main.controller?.snapshot().state
  const { creates, starts, stops, removes, looks } = world.counts
  return {
    day,
    ...disk.size(),
    stateBytes: JSON.stringify(state ?? null).length,
    heapBytes: heapBytes(),
    looks,
    changes: creates + starts + stops + removes,
    wrong: [...world.violations.map(({ id, what }) => `${id} ${what}`), ...unmet(world)],
  }
}

function heapBytes(): number {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}
