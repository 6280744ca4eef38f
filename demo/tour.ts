import { setTimeout as sleep } from 'node:timers/promises'
import { playStep } from './play.js'
import type { Play, StepEnd } from './play.js'
import { STEPS } from './steps.js'
import type { StepKey } from './steps.js'

/** Time to read what was said. */
const PAUSE_MS = 1_500
const ORDER: readonly StepKey[] = ['open', '1', '2', '3']

/** Goes through every step by itself. True when each went as told. */
export async function tour(play: Play, showStatus: () => Promise<void>, signal: AbortSignal): Promise<boolean> {
  const ends: (readonly [StepKey, StepEnd])[] = []
  for (const key of ORDER) {
    const end = await playStep(play, STEPS[key], signal)
    ends.push([key, end])
    if (end.kind !== 'as-told') break
    if (key === '2') {
      play.screen.title('slipway status')
      await showStatus()
    }
    await sleep(PAUSE_MS, undefined, { signal })
  }
  return summary(play, ends)
}

function summary({ screen, controller }: Play, ends: readonly (readonly [StepKey, StepEnd])[]): boolean {
  const isGood = ends.length === ORDER.length && ends.every(([, { kind }]) => kind === 'as-told')
  screen.title(isGood ? 'The tour is over, and went as told' : 'The tour ended early')
  const width = Math.max(...ORDER.map((key) => STEPS[key].title.length))
  for (const [key, end] of ends) {
    const title = STEPS[key].title.padEnd(width)
    if (end.kind === 'superseded') screen.say(`✗ ${title}  a commit that is not the tour’s came in between`)
    else if (end.kind === 'nothing') screen.say(`✗ ${title}  ${end.text}`)
    else {
      const seconds = `${(end.ms / 1_000).toFixed(1)} s`.padStart(7)
      screen.say(`${end.kind === 'as-told' ? '✓' : '✗'} ${title}  ${seconds}  ${end.text}`)
    }
  }
  if (!isGood) screen.say(`\nlast lines of the controller’s log:\n${controller.lastLog()}`)
  return isGood
}
