import { isOurs } from './box.js'
import { placeOf } from './truth.js'
import { draftOf } from './workflows.js'
import type { Workflow } from './workflows.js'
import { FLEET, World } from './world.js'

/** Crash points by their number, counted from the beginning of the workflow; a second one counts on through the second life. */
export type Crashes = readonly number[]

export interface Played {
  /** What runs where in the end, and how many containers were made and removed for it. */
  readonly outcome: unknown
  readonly violations: readonly string[]
  readonly points: number
  /** What was passed last before each crash. */
  readonly at: readonly string[]
}

const DOWN_MS = 5_000
const LONGEST_MS = 30 * 60_000

/** Plays a workflow with the controller killed at these points, each time started again after some seconds. */
export async function playWorkflow(workflow: Workflow, crashes: Crashes): Promise<Played> {
  const draft = draftOf(workflow.before, workflow.servers)
  const world = new World({ seed: 7, servers: draft.servers }, draft)
  try {
    world.commit(draft, 'before')
    world.boot()
    await settle(world, 0)
    return await playOn(world, workflow, crashes)
  } finally {
    world.dispose()
  }
}

async function playOn(world: World, workflow: Workflow, crashes: Crashes): Promise<Played> {
  const before = { ...world.counts }
  const at: string[] = []
  let lastKillMs = -Infinity
  let points = 0
  world.onPoint = (point, about, process) => {
    if (process !== world.main.process) return
    points += 1
    if (!crashes.includes(points)) return
    at.push(`${points}: ${point} ${about}`)
    lastKillMs = world.clock.nowMs()
    world.kill()
    world.clock.after(DOWN_MS, () => world.boot())
  }
  workflow.act(world)
  world.command({ kind: 'sync', by: 'ada' })
  await settle(world, workflow.lastsMs ?? 30_000, workflow.each)
  const { creates, removes } = world.counts
  const boxes = world.boxes().filter((box) => isOurs(box, FLEET))
  const end = boxes.map((box) => {
    const { service, key } = placeOf(box)
    return `${service}#${key} ${box.spec?.image} ${box.state} ${box.limits} ${box.server}`
  })
  const phases = world.main.controller?.status().stacks.map(({ name, phase }) => `${name} ${phase}`)
  // What was created and not started by one that was killed may lack its files: it is made anew, which the first run did not have to.
  const again = world.made.filter((box) => box.startedAtMs === 0 && box.createdAtMs <= lastKillMs + DOWN_MS).length
  const counts = { creates: creates - before.creates - again, removes: removes - before.removes - again }
  const violations = world.violations.map(({ id, what }) => `${id} ${what}`)
  return { outcome: { boxes: end.sort(), phases, ...counts }, violations, points, at }
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
  return status.stacks.some((stack) => moving.has(stack.phase))
}
