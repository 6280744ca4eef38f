import { isOurs } from './box.js'
import { killForAWhile, playBetween } from './crash.js'
import type { Ended } from './crash.js'
import { SimLink } from './link.js'
import type { Fate } from './link.js'
import { randomOf } from './random.js'
import { WORKFLOWS } from './workflows.js'
import type { Workflow } from './workflows.js'
import { FLEET } from './world.js'
import type { World } from './world.js'

/** What may go otherwise at one moment: a message is overtaken by all that follows it for a while, or something fails. */
export type Twist = 'held' | 'request lost' | 'reply lost' | 'a container crashes' | 'killed'

export interface Turn {
  /** Counted from the beginning of the workflow: every message, its answer, and every crash point is one. */
  readonly moment: number
  readonly twist: Twist
}

export interface Run extends Ended {
  readonly turns: readonly Turn[]
  /** What could have gone otherwise at each moment, and what that moment was. */
  readonly moments: readonly { readonly twists: readonly Twist[]; readonly what: string }[]
}

/** Two servers, two services, three replicas. */
export const SMALL_WORLDS: readonly string[] = [
  'a first deployment',
  'an update, start first',
  'an update, stop first',
  'a rollback',
]

const HELD_MS = 250
const ON_TIME_MS = 2

/** Plays a small world in which things go otherwise at these moments, and on time at all others. */
export function playTurns(workflow: Workflow, turns: readonly Turn[]): Promise<Run> {
  return playBetween(workflow, (world) => {
    const moments: { twists: readonly Twist[]; what: string }[] = []
    const at = (what: string, ...twists: readonly Twist[]): Twist | null => {
      moments.push({ twists, what })
      return turns.find(({ moment }) => moment === moments.length)?.twist ?? null
    }
    for (const server of world.engines.keys()) world.links.set(server, new ScriptedLink(world, server, at))
    world.onPoint = (point, about, process) => {
      if (process === world.main.process && at(`${point} ${about}`, 'killed') === 'killed') killForAWhile(world)
    }
    return (ended) => ({ ...ended, turns, moments })
  })
}

/** A link on which every message is a moment of its own. */
class ScriptedLink extends SimLink {
  private readonly world: World
  private readonly server: string
  private readonly at: (what: string, ...twists: readonly Twist[]) => Twist | null

  constructor(world: World, server: string, at: ScriptedLink['at']) {
    super(randomOf(server))
    this.world = world
    this.server = server
    this.at = at
  }

  override draw(isRead: boolean): Fate {
    if (isRead) return this.at(`read ${this.server}`, 'request lost') === null ? 'through' : 'request-lost'
    switch (this.at(`change ${this.server}`, 'request lost', 'reply lost', 'a container crashes')) {
      case 'request lost':
        return 'request-lost'
      case 'reply lost':
        return 'reply-lost'
      case 'a container crashes':
        this.crash()
        return 'through'
      default:
        return 'through'
    }
  }

  override delayMs(): number {
    return this.at(`message ${this.server}`, 'held') === 'held' ? HELD_MS : ON_TIME_MS
  }

  /** The oldest of ours on the server. */
  private crash(): void {
    const engine = this.world.engines.get(this.server)
    const box = [...(engine?.boxes.values() ?? [])].find((one) => isOurs(one, FLEET) && one.state === 'running')
    if (box === undefined) return
    this.world.harm.shake()
    this.world.harm.harm(box)
    engine?.kill(box.id, 'crash')
  }
}

/** Every way in which at most `depth` things go otherwise, the fewest first within each; the run in which nothing does comes first. */
export async function* everyRun(workflow: Workflow, depth: number): AsyncGenerator<Run> {
  const open: (readonly Turn[])[] = [[]]
  for (let turns = open.pop(); turns !== undefined; turns = open.pop()) {
    const run = await playTurns(workflow, turns)
    yield run
    if (turns.length < depth) open.push(...[...furtherTurns(run)].reverse())
  }
}

/** The run's turns with one more, after the last of them. */
export function furtherTurns({ turns, moments }: Run): readonly (readonly Turn[])[] {
  const last = turns.at(-1)?.moment ?? 0
  return moments
    .slice(last)
    .flatMap(({ twists }, index) => twists.map((twist) => [...turns, { moment: last + index + 1, twist }]))
}

/** What is wrong with a run; empty: it ends as the one in which nothing went otherwise, and broke nothing on the way. */
export function wrongWith(run: Run, reference: Run): readonly string[] {
  const [is, was] = [endOf(run), endOf(reference)]
  return [...run.violations, ...(is === was ? [] : [`ends as ${is}, without it as ${was}`])]
}

/** Wherever the replicas are: a server that was away may have been passed over. */
function endOf({ outcome }: Run): string {
  const boxes = outcome.boxes.map((box) => box.slice(0, box.lastIndexOf(' '))).sort()
  return [...boxes, ...(outcome.phases ?? [])].join(', ')
}

/** `12 (message s1): held`. */
export function describeTurns({ turns, moments }: Run): string {
  return turns.map(({ moment, twist }) => `${moment} (${moments[moment - 1]?.what}): ${twist}`).join('; ')
}

export function smallWorkflow(name: string): Workflow {
  const workflow = WORKFLOWS[name]
  if (workflow === undefined) throw new Error(`no workflow ${name}`)
  return workflow
}
