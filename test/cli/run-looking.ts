import { runCli } from '../../src/cli/index.js'
import type { Parts } from '../../src/cli/index.js'
import type { World } from '../controller/world.js'
import { keptIo } from './kept-io.js'

const never = (): never => {
  throw new Error('a port was opened that this command has no use for')
}

/** One command line that reads the repository and asks servers of which each answers, and opens nothing else. */
export async function runLooking(
  world: World,
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const parts: Parts = {
    clock: world.clock,
    openSource: () => Promise.resolve(world.source),
    openWorkshop: never,
    openLoader: never,
    openDriver: () => Promise.resolve(world.driver),
    openMesh: () => Promise.reject(new Error('nothing is meshed here')),
    openAcme: () => Promise.reject(new Error('nothing is certified here')),
    openChecker: () => Promise.reject(new Error('nothing is checked here')),
    openJournal: never,
    loadRehearsalDriver: never,
    schedule: never,
  }
  const { io, written } = keptIo({ nowMs: () => world.clock.nowMs() })
  return { code: await runCli(argv, '1.2.3', io, parts), ...written }
}
