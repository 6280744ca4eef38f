import { execFileSync } from 'node:child_process'
import { play } from './play.js'
import type { Scenario, Step } from './scenario.js'
import type { World } from './world.js'

/** Plays that cutting down may take. */
const PLAYS_MOST = 120
const TAIL_LINES = 25

/** The shortest scenario found that breaks the same invariant: steps are left out, by halves and then one by one. */
export async function shrink(scenario: Scenario, id: string): Promise<Scenario> {
  let steps = scenario.steps
  let plays = 0
  const stillBreaks = async (fewer: readonly Step[]): Promise<boolean> => {
    plays += 1
    return (await play({ ...scenario, steps: fewer })).violations[0]?.id === id
  }
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < steps.length && plays < PLAYS_MOST;) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)]
      if (await stillBreaks(fewer)) steps = fewer
      else at += size
    }
  }
  return { ...scenario, steps }
}

/** What somebody needs to see it again: seed, commit, the shortest scenario, and the end of its trace. */
export async function failure(scenario: Scenario, world: World): Promise<string> {
  const [violation] = world.violations
  if (violation === undefined) throw new Error('nothing failed')
  const shortest = await shrink(scenario, violation.id)
  const again = await play(shortest)
  return [
    `seed ${scenario.seed} breaks ${violation.id}: ${violation.what}`,
    `npm run sim -- --worlds 1 --seed ${scenario.seed}${scenario.release === undefined ? '' : ' --upgrade'}`,
    `keep it as test/sim/kept/<name>.json:`,
    JSON.stringify({ broke: `${violation.id} ${violation.what}`, commit: commitNow(), scenario: shortest }),
    ...again.trace.slice(-TAIL_LINES),
  ].join('\n')
}

export function commitNow(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
  } catch {
    return 'no commit'
  }
}
