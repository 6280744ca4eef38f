import { ensureLabPackages, whyNoLab } from '../test/lab/index.js'
import { whyNoGit } from './git.js'
import { labStage } from './lab-stage.js'
import { localStage } from './local-stage.js'
import { NoStage } from './stage.js'
import type { Stage } from './stage.js'

/** Three servers of our own where that can be, else the Docker Engine of this machine. Throws NoStage with what is missing. */
export async function raiseStage(onlyLocal: boolean, say: (line: string) => void): Promise<Stage> {
  if (onlyLocal) return localOr('it was not asked for (--local)', say)
  const why = await whyNoLabStage(say)
  if (why === undefined) return labStage(say)
  say(`no lab of three servers here: ${why}`)
  say('taking the Docker Engine of this machine as the only server')
  return localOr(why, say)
}

async function whyNoLabStage(say: (line: string) => void): Promise<string | undefined> {
  try {
    await ensureLabPackages(say)
  } catch (error) {
    const why = whyNoLab()
    return why === undefined ? undefined : `${why} (${error instanceof Error ? error.message : String(error)})`
  }
  return whyNoLab()
}

async function localOr(whyNoLabHere: string, say: (line: string) => void): Promise<Stage> {
  const noGit = await whyNoGit()
  if (noGit !== undefined) throw new NoStage(noGit)
  try {
    return await localStage(say)
  } catch (error) {
    if (!(error instanceof NoStage)) throw error
    throw new NoStage(
      [
        'the demo needs servers, and there are none:',
        `  three of its own    ${whyNoLabHere}`,
        `  the local Docker    ${error.message}`,
        'do one of these, then npm start again:',
        '  on Debian 12 or 13  run it as root: sudo npm start; it installs all else by itself and says what',
        '  elsewhere           install Docker (https://docs.docker.com/get-docker/) and start it',
      ].join('\n'),
      { cause: error },
    )
  }
}
