import { isOurs } from './box.js'
import { uncertified } from './certified.js'
import { placeOf } from './truth.js'
import { draftOf } from './workflows.js'
import type { Workflow } from './workflows.js'
import { FLEET, World } from './world.js'

/** Crash points by their number, counted from the beginning of the workflow; a second one counts on through the second life. */
export type Crashes = readonly number[]

/** What runs where in the end, and how many containers were made and removed for it. */
export interface Outcome {
  readonly boxes: readonly string[]
  readonly phases: readonly string[] | undefined
  /** Hosts that have no valid certificate. */
  readonly bare: readonly string[]
  readonly creates: number
  readonly removes: number
}

export interface Ended {
  readonly outcome: Outcome
  readonly violations: readonly string[]
}

export interface Played extends Ended {
  readonly points: number
  /** What was passed last before each crash. */
  readonly at: readonly string[]
}

const DOWN_MS = 5_000
const LONGEST_MS = 30 * 60_000

/** Plays a workflow with the controller killed at these points, each time started again after some seconds. */
export function playWorkflow(workflow: Workflow, crashes: Crashes): Promise<Played> {
  return playBetween(workflow, (world) => {
    let points = 0
    const at: string[] = []
    world.onPoint = (point, about, process) => {
      if (process !== world.main.process) return
      points += 1
      if (!crashes.includes(points)) return
      at.push(`${points}: ${point} ${about}`)
      killForAWhile(world)
    }
    return (outcome) => ({ ...outcome, points, at })
  })
}

/** Every pair of points: the second one counts on through the second life, to its end. */
export async function pairsOf(workflow: Workflow, { points }: Played): Promise<readonly Crashes[]> {
  const pairs: Crashes[] = []
  for (let first = 1; first <= points; first += 1) {
    const lived = await playWorkflow(workflow, [first])
    for (let second = first + 1; second <= lived.points; second += 1) pairs.push([first, second])
  }
  return pairs
}

/** Started again some seconds later. */
export function killForAWhile(world: World): void {
  world.kill()
  world.clock.after(DOWN_MS, () => world.boot())
}

/** From a fleet at rest through the workflow to a fleet at rest; `arrange` is called when it begins, and what it answers when it has ended. */
export async function playBetween<T>(workflow: Workflow, arrange: (world: World) => (ended: Ended) => T): Promise<T> {
  const draft = { ...draftOf(workflow.before, workflow.servers), ...workflow.fleet }
  const world = new World({ seed: 7, servers: draft.servers }, draft)
  try {
    world.commit(draft, 'before')
    world.boot()
    await settle(world, 0)
    const before = { ...world.counts }
    const conclude = arrange(world)
    workflow.act(world)
    world.command({ kind: 'sync', by: 'ada' })
    await settle(world, workflow.lastsMs ?? 30_000, workflow.each)
    return conclude(ended(world, before))
  } finally {
    world.dispose()
  }
}

function ended(world: World, before: World['counts']): Ended {
  const { creates, removes } = world.counts
  const boxes = world.boxes().filter((box) => isOurs(box, FLEET))
  const end = boxes.map((box) => {
    const { service, key } = placeOf(box)
    return `${service}#${key} ${box.spec?.image} ${box.state} ${box.limits} ${box.server}`
  })
  const phases = world.main.controller?.status().stacks.map(({ name, phase }) => `${name} ${phase}`)
  // What was created and not started by one that was killed may lack its files: it is made anew, which the first run did not have to.
  const again = world.made.filter(
    (box) => box.startedAtMs === 0 && box.createdAtMs <= world.lastKillMs + DOWN_MS,
  ).length
  const counts = { creates: creates - before.creates - again, removes: removes - before.removes - again }
  const violations = world.violations.map(({ id, what }) => `${id} ${what}`)
  return { outcome: { boxes: end.sort(), phases, bare: uncertified(world), ...counts }, violations }
}

/** Until the controller has nothing to do any more, but not before `lastsMs`. */
async function settle(world: World, lastsMs: number, each: Workflow['each'] = () => undefined): Promise<void> {
  let calm = 0
  for (let second = 1; second * 1_000 <= LONGEST_MS && calm < 3; second += 1) {
    await world.clock.run(1_000)
    each(world, second)
    const { controller } = world.main
    const isMoving = controller === null || !controller.isQuiet() || isUnderWay(world)
    calm = isMoving || second * 1_000 < lastsMs ? 0 : calm + 1
  }
}

function isUnderWay(world: World): boolean {
  const moving = new Set(['progressing', 'rolling-back', 'healing', 'unknown'])
  const status = world.main.controller?.status()
  if (status === undefined || status.source.fetched?.sha !== world.git.head) return true
  // What could not be prepared is tried again after a pause.
  return status.stacks.some(
    ({ phase, rollout }) => moving.has(phase) || (phase === 'blocked' && rollout?.phase === 'preparing'),
  )
}
