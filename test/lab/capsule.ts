import { spawn } from 'node:child_process'
import { openSync, closeSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { bootId, isAlive, killExactly, listProcesses, parseStat, subtreeOf, type ProcessIdentity } from './processes.js'
import { plainEnvironment, run, tryRun, waitUntil, type RunOptions } from './shell.js'

/*
 * A capsule is one machine inside the machine: its own network, mounts, host name and process ids, held by one
 * process, the keeper, which is process 1 in there. Killing the keeper ends everything inside, containers and shims
 * included, and with the last process go the mounts, the loop devices and the links: nothing can be left over.
 */

/** Says who it is before it does anything that would need cleaning up; then waits, and reaps orphans. */
const keeperScript = `
set -eu
read -r stat < /proc/self/stat
read -r boot < /proc/sys/kernel/random/boot_id
printf '%s\\n%s\\n' "$stat" "$boot" > "$1/keeper.stat"
hostname "$2"
mount --bind "$1/run" /run
mount -t proc proc /proc
ip link set lo up
shift 2
while [ $# -gt 0 ]; do
  case "$1" in
    bind) mount --bind "$2" "$3" ;;
    loop) mount -o loop "$2" "$3" ;;
  esac
  shift 3
done
: > /run/.ready
trap : TERM INT HUP
while :; do sleep 1000000 & wait; done
`

export type CapsuleMount = { readonly kind: 'bind' | 'loop'; readonly from: string; readonly to: string }

/** Starts the keeper; `dir` must hold an empty folder `run`, which becomes the capsule's /run. */
export async function startCapsule(
  dir: string,
  hostName: string,
  mounts: readonly CapsuleMount[] = [],
): Promise<ProcessIdentity> {
  const log = openSync(join(dir, 'keeper.log'), 'a')
  const flat = mounts.flatMap((mount) => [mount.kind, mount.from, mount.to])
  const namespaces = ['--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--propagation', 'private']
  const child = spawn(
    'unshare',
    [...namespaces, '--', 'sh', '-c', keeperScript, 'slipway-lab-keeper', dir, hostName, ...flat],
    { detached: true, stdio: ['ignore', log, log], env: plainEnvironment() },
  )
  closeSync(log)
  child.unref()
  let exit: string | undefined
  child.on('error', (error) => (exit = error.message))
  child.on('exit', (code) => (exit = `exit ${code ?? 'by signal'}`))
  await waitUntil(`capsule ${hostName}`, () => {
    if (exit !== undefined)
      throw new Error(`capsule ${hostName}: ${exit}: ${readFileSync(join(dir, 'keeper.log'), 'utf8')}`)
    return isReady(dir)
  })
  const keeper = readKeeper(dir)
  if (keeper === undefined) throw new Error(`capsule ${hostName} started without saying who it is`)
  return keeper
}

function isReady(dir: string): boolean {
  try {
    readFileSync(join(dir, 'run/.ready'))
    return true
  } catch {
    return false
  }
}

/** The keeper as it wrote itself down, alive or not; undefined when that was before the machine's last boot. */
export function readKeeper(dir: string): ProcessIdentity | undefined {
  try {
    const [stat, boot] = readFileSync(join(dir, 'keeper.stat'), 'utf8').split('\n')
    const found = parseStat(stat ?? '')
    return found === undefined || boot !== bootId() ? undefined : { pid: found.pid, startTicks: found.startTicks }
  } catch {
    return undefined
  }
}

/** Ends everything in the capsule at once, as a power cut would, and returns when it is gone. */
export async function stopCapsule(dir: string): Promise<void> {
  const keeper = readKeeper(dir)
  if (keeper === undefined) return
  const all = listProcesses()
  const root = all.find((found) => found.pid === keeper.pid && found.startTicks === keeper.startTicks)
  const inside = root === undefined ? [] : subtreeOf(root, all)
  killExactly(keeper)
  await waitUntil(`end of capsule ${dir}`, () => !inside.some(isAlive))
  rmSync(join(dir, 'keeper.stat'), { force: true })
  rmSync(join(dir, 'run/.ready'), { force: true })
}

/** Runs a command inside the capsule. */
export function runInside(
  keeper: ProcessIdentity,
  command: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  return run('nsenter', enterArguments(keeper, command), options)
}

export function tryRunInside(
  keeper: ProcessIdentity,
  command: readonly string[],
  options: RunOptions = {},
): Promise<string | undefined> {
  return tryRun('nsenter', enterArguments(keeper, command), options)
}

function enterArguments(keeper: ProcessIdentity, command: readonly string[]): readonly string[] {
  if (!isAlive(keeper)) throw new Error(`the capsule of process ${keeper.pid} is gone`)
  return ['-t', String(keeper.pid), '--net', '--mount', '--uts', '--ipc', '--pid', '--', ...command]
}

/** Starts a long-lived command inside the capsule; its parent is the keeper, its output goes to `logPath`. */
export async function startInside(
  keeper: ProcessIdentity,
  command: readonly string[],
  logPath: string,
  env: NodeJS.ProcessEnv = plainEnvironment(),
): Promise<void> {
  const script = 'log=$1; shift; setsid "$@" >>"$log" 2>&1 </dev/null &'
  await runInside(keeper, ['sh', '-c', script, 'start', logPath, ...command], { env })
}
