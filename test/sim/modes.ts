import { pairsOf, playWorkflow } from './crash.js'
import { commitNow } from './failure.js'
import { live } from './long-life.js'
import type { LifeOptions } from './long-life.js'
import { Progress } from './progress.js'
import { SMALL_WORLDS, describeTurns, everyRun, smallWorkflow, wrongWith } from './small.js'
import type { Run } from './small.js'
import { SMALLEST } from './workflows.js'

/** Every way in which at most `depth` things go otherwise, in each small world. Answers the exit code. */
export async function playSmallWorlds(depth: number): Promise<number> {
  const progress = new Progress('runs')
  for (const name of SMALL_WORLDS) {
    let [reference, runs]: [Run | null, number] = [null, 0]
    for await (const run of everyRun(smallWorkflow(name), depth)) {
      reference ??= run
      runs += 1
      const wrong = wrongWith(run, reference)
      if (wrong.length > 0) progress.failed(`${name} with ${describeTurns(run)}: ${wrong.join('; ')}`)
      if (progress.passed(name)) break
    }
    console.log(
      `${name}: ${runs} runs, ${reference?.moments.length ?? 0} moments in the one where nothing goes otherwise`,
    )
    if (progress.isStopped) break
  }
  return progress.conclude(`at most ${depth} things otherwise, at ${commitNow()}`)
}

/** The controller killed at every pair of points of each small workflow. */
export async function playPairs(): Promise<number> {
  const progress = new Progress('pairs')
  for (const [name, workflow] of Object.entries(SMALLEST)) {
    const reference = await playWorkflow(workflow, [])
    const pairs = await pairsOf(workflow, reference)
    for (const pair of pairs) {
      const { outcome, violations, at } = await playWorkflow(workflow, pair)
      const isSame = JSON.stringify(outcome) === JSON.stringify(reference.outcome)
      if (!isSame || violations.length > 0)
        progress.failed(`${name} killed at ${at.join(', ')}: ${[...violations, JSON.stringify(outcome)].join('; ')}`)
      if (progress.passed(`${name}, ${pairs.length} pairs`)) break
    }
    if (progress.isStopped) break
    console.log(`${name}: ${pairs.length} pairs of ${reference.points} points`)
  }
  return progress.conclude(`every pair of crash points, at ${commitNow()}`)
}

/** Days of one fleet under one controller; each prints what is kept. */
export async function playLongLife(options: LifeOptions): Promise<number> {
  const progress = new Progress('days')
  console.log('  day  facts  stacks  intents  state KB  heap MB      looks  changes')
  for await (const day of live(options)) {
    const { facts, stacks, intents, stateBytes, heapBytes, looks, changes } = day
    const cells = [facts, stacks, intents, Math.round(stateBytes / 1e3), Math.round(heapBytes / 1e6), looks, changes]
    const widths = [7, 8, 9, 10, 9, 11, 9]
    console.log(
      `${String(day.day).padStart(5)}${cells.map((cell, at) => String(cell).padStart(widths[at] ?? 8)).join('')}`,
    )
    if (day.wrong.length > 0) progress.failed(`day ${day.day}: ${day.wrong.join('; ')}`)
    if (progress.passed('')) break
  }
  return progress.conclude(`${options.servers} servers from seed ${options.seed}, at ${commitNow()}`)
}
