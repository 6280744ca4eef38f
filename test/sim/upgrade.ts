import { mended, withIngress } from './drafts.js'
import type { Draft } from './drafts.js'
import { SIGNED } from './git.js'
import { randomOf } from './random.js'
import type { Random } from './random.js'
import { PRESENT } from './releases.js'
import { CONVERGENCE_MS, converge, heal, unmet } from './rest.js'
import type { World } from './world.js'

const MINUTE_MS = 60_000
/** What a controller may take to end when it is asked to. */
const END_MS = 35_000

/** The release that ran until now ends, at rest or in the middle of what it does, and this one takes over what it left. */
export async function upgrade(world: World, dice: number): Promise<void> {
  const random = randomOf(dice)
  const isAtRest = random.chance(0.6) && (await comesToRest(world))
  await end(world, random)
  world.release = PRESENT
  world.upgraded = isAtRest ? 'at rest' : 'on the way'
  world.say(`upgrade ${world.upgraded}`)
  if (!isAtRest && isDisturbed(world)) world.harm.forget()
  const before = { ...world.counts }
  world.boot()
  if (!isAtRest) return
  await world.clock.run(10 * MINUTE_MS, () => world.violations.length > 0)
  const { creates, removes, starts, stops } = world.counts
  const changes = creates - before.creates + removes - before.removes + starts - before.starts + stops - before.stops
  if (changes > 0) world.blame('I-29', `an upgrade of the controller changes what is up to date, ${changes} times`)
  for (const wrong of unmet(world)) world.blame('I-29', `${wrong}, since the controller was upgraded`)
  world.commit(random.chance(0.2) ? withIngress(world.draft) : another(world.draft, random), 'the first one after it')
}

/** The first release forgot what it had made and could not see yet: who starts after it, while a server cannot be read, does not know of it. */
function isDisturbed({ links }: World): boolean {
  return [...links.values()].some(({ cut, losses }) => cut !== null || Object.values(losses).some((share) => share > 0))
}

/** Whether everything is as Git says, first with all that the draft asks of places, then, where that cannot be, without. */
async function comesToRest(world: World): Promise<boolean> {
  heal(world)
  await world.clock.run(2 * MINUTE_MS)
  world.commit(sober(world.draft), 'images that start', SIGNED)
  if ((await converge(world, 15 * MINUTE_MS)).length === 0) return true
  world.commit(mended(world.draft, '7'), 'mend everything', SIGNED)
  return (await converge(world, CONVERGENCE_MS)).length === 0
}

async function end(world: World, random: Random): Promise<void> {
  for (const seat of world.seats.splice(1)) world.kill(seat)
  if (random.chance(0.5)) {
    world.stopSoon()
    await world.clock.run(END_MS)
  }
  world.kill()
}

/** Only images change: places, volumes and ports stay as they are. */
function sober(draft: Draft): Draft {
  return eachService(draft, (service) => ({ ...service, tag: service.mode === 'job' ? 'done' : '6' }))
}

function another(draft: Draft, random: Random): Draft {
  return eachService(draft, (service) => (random.chance(0.5) ? { ...service, env: service.env + 1 } : service))
}

function eachService(
  draft: Draft,
  change: (service: Draft['stacks'][string][string]) => Draft['stacks'][string][string],
): Draft {
  const stacks = Object.entries(draft.stacks).map(([stack, services]) => {
    const changed = Object.entries(services).map(([name, service]) => [name, change(service)] as const)
    return [stack, Object.fromEntries(changed)] as const
  })
  return { ...draft, broken: {}, stacks: Object.fromEntries(stacks) }
}
