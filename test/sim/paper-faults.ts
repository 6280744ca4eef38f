import type { Random } from './random.js'
import type { World } from './world.js'

/** The authority does what it likes for a while. */
export function moody(world: World): () => void {
  const papers = world.papersOf(world.main)
  papers.isMoody = true
  papers.trouble()
  world.felt('F60')
  return () => papers.heal()
}

/** Who starts next finds nothing. */
export function papersLost(world: World): null {
  world.felt('F61')
  world.kill()
  world.papersOf(world.main).lose()
  world.boot()
  return null
}

/** Who starts next cannot read what there is, until somebody removes it and starts it once more. */
export function papersTorn(world: World): () => void {
  const papers = world.papersOf(world.main)
  world.felt('F61')
  world.kill()
  papers.isTorn = true
  papers.trouble()
  world.boot()
  return () => {
    if (papers.isTorn) papers.lose()
  }
}

/** In the middle of the next order its controller is killed, or a server cut off that the authority may ask. */
export function interrupted(world: World, random: Random): null {
  const papers = world.papersOf(world.main)
  const awayMs = random.between(1, 90) * 1_000
  const [server, isKill] = [random.pick([...world.engines.keys()]), random.chance(0.5)]
  const afterMs = random.between(0, 5_000)
  papers.interrupt = () => {
    papers.trouble()
    world.felt('F62')
    world.clock.after(afterMs, () => (isKill ? killed(world, awayMs) : away(world, server, awayMs)))
  }
  return null
}

function killed(world: World, awayMs: number): void {
  world.kill()
  world.clock.after(awayMs, () => world.boot())
}

function away(world: World, server: string, awayMs: number): void {
  const link = world.links.get(server)
  if (link === undefined) return
  link.cut = { kind: 'refused', code: 'SERVER_UNREACHABLE' }
  world.harm.shake()
  world.harm.cutForMs(server)
  world.clock.after(awayMs, () => {
    link.heal()
    world.harm.cutForMs(server)
    world.harm.shake()
  })
}
