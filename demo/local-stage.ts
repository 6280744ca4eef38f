import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGitServer } from '../test/lab/index.js'
import { findLocalEngine } from './local-engine.js'
import type { LocalEngine } from './local-engine.js'
import { NoStage, sampleFiles } from './stage.js'
import type { Stage } from './stage.js'

const FLEET = 'slipway-demo'
/** Whoever has a Compose project called shop keeps it to themselves. */
const STACK = 'demo-shop'
const IMAGE = 'busybox:1.36'
const COMPOSE = 'stacks/shop/compose.yaml'

/** The Docker Engine of this machine as the only server: it has all the labels that the sample asks for. */
export async function localStage(say: (line: string) => void): Promise<Stage> {
  const engine = await findLocalEngine()
  if (!('version' in engine)) throw new NoStage(engine.join('; '))
  const dir = takeFolder()
  try {
    // A demo that was killed left its containers.
    await engine.clear(FLEET)
    const hadImage = await engine.hasImage(IMAGE)
    if (!hadImage) await pull(engine, say)
    const git = await startGitServer(join(dir, 'git'))
    const down = async (): Promise<void> => {
      await git.close()
      await engine.clear(FLEET)
      if (!hadImage) await engine.removeImage(IMAGE).catch(() => undefined)
      rmSync(dir, { recursive: true, force: true })
    }
    const lines = [`local  unix://${engine.socketPath}  Docker ${engine.version}`]
    return { stack: STACK, lines, git, dir, shop: [], env: {}, home: homedir(), files: filesFor(engine), down }
  } catch (error) {
    rmSync(dir, { recursive: true, force: true })
    throw error
  }
}

function filesFor({ socketPath }: LocalEngine): Stage['files'] {
  const labels = { zone: 'local', tier: 'web', disk: 'ssd' }
  return sampleFiles({
    'slipway.yaml': [
      [['fleet'], FLEET],
      [['servers'], { local: { engine: `unix://${socketPath}`, labels } }],
      // No proxy on the ports of a machine that somebody works on.
      [['ingress'], undefined],
    ],
    // Where Docker runs in a machine of its own (Docker Desktop, rootless), this process cannot reach a container's
    // address; the healthcheck, which the engine runs, asks the same.
    [COMPOSE]: [
      [['name'], STACK],
      [['services', 'web', 'x-slipway'], undefined],
      [['services', 'web', 'ports'], undefined],
      [['services', 'api', 'x-slipway'], undefined],
    ],
  })
}

async function pull(engine: LocalEngine, say: (line: string) => void): Promise<void> {
  say(`pulling ${IMAGE}`)
  try {
    await engine.pull(IMAGE)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Error(`${IMAGE} cannot be pulled (${reason}): try docker pull ${IMAGE}, then npm start again`, {
      cause: error,
    })
  }
}

/** One demo a user. What a killed one left goes; one that runs is left alone. */
function takeFolder(): string {
  const dir = join(tmpdir(), `slipway-demo-${process.getuid?.() ?? 'user'}`)
  const pidPath = join(dir, 'pid')
  const pid = readPid(pidPath)
  if (pid !== undefined && isRunning(pid)) {
    throw new Error(`a demo runs already, as process ${pid}: end it first (if it is no demo, remove ${dir})`)
  }
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(dir, { mode: 0o700 })
  writeFileSync(pidPath, String(process.pid))
  return dir
}

function readPid(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
