import { createInterface } from 'node:readline'
import { playStep } from './play.js'
import type { Play } from './play.js'
import { STEPS } from './steps.js'
import type { StepKey } from './steps.js'

const STEP_KEYS: ReadonlyMap<string, StepKey> = new Map([
  ['1', '1'],
  ['2', '2'],
  ['3', '3'],
])

/** Does what is typed until `q`, Ctrl-D on a terminal, or the signal. */
export async function prompt(
  play: Play,
  showStatus: () => Promise<void>,
  showHelp: () => void,
  signal: AbortSignal,
): Promise<void> {
  const first = await playStep(play, STEPS.open, signal)
  if (first.kind === 'otherwise') play.screen.warn('it goes on nevertheless: s says what it waits for')
  showHelp()
  let waiting = new AbortController()
  let running = Promise.resolve()
  // A newer step takes the place of one that is waited for, as a newer commit does with a rollout.
  const start = (key: StepKey): void => {
    waiting.abort()
    waiting = new AbortController()
    const stop = AbortSignal.any([signal, waiting.signal])
    running = running.then(() => playOne(play, key, stop))
  }
  for await (const line of typed(signal)) {
    const word = line.trim().toLowerCase()
    const key = STEP_KEYS.get(word)
    if (key !== undefined) start(key)
    else if (word === 's') await showStatus()
    else if (word === 'q') break
    else if (word !== '') showHelp()
  }
  waiting.abort()
  await running
}

async function playOne(play: Play, key: StepKey, signal: AbortSignal): Promise<void> {
  try {
    const end = await playStep(play, STEPS[key], signal)
    if (end.kind === 'nothing') play.screen.warn(end.text)
  } catch (error) {
    if (!signal.aborted) play.screen.warn(error instanceof Error ? error.message : String(error))
  }
}

/** Lines from standard input. Where that is no terminal its end says nothing: the demo goes on until it is stopped. */
async function* typed(signal: AbortSignal): AsyncIterable<string> {
  const input = createInterface({ input: process.stdin })
  const end = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  void end.then(() => input.close())
  if (signal.aborted) input.close()
  yield* input
  if (process.stdin.isTTY) return
  await end
}
