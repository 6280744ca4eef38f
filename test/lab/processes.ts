import { readdirSync, readFileSync } from 'node:fs'

/** A process is its id and its start time: an id alone may by now belong to somebody else. */
export type ProcessIdentity = { readonly pid: number; readonly startTicks: number }

export type ProcessInfo = ProcessIdentity & {
  readonly parentPid: number
  readonly command: string
  readonly isZombie: boolean
}

/** Parses one line of /proc/PID/stat; the command, in brackets, may itself hold blanks and brackets. */
export function parseStat(line: string): ProcessInfo | undefined {
  const open = line.indexOf('(')
  const close = line.lastIndexOf(')')
  const pid = Number(line.slice(0, open))
  const fields = line.slice(close + 2).split(' ')
  const startTicks = Number(fields[19])
  if (open < 0 || close < 0 || !Number.isInteger(pid) || !Number.isInteger(startTicks)) return undefined
  return {
    pid,
    startTicks,
    parentPid: Number(fields[1]),
    command: line.slice(open + 1, close),
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
  }
}

/** Start times count from here: after another boot they mean nothing. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

export function readProcess(pid: number): ProcessInfo | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return undefined
  }
}

export function identityOf(pid: number): ProcessIdentity | undefined {
  const found = readProcess(pid)
  return found === undefined ? undefined : { pid: found.pid, startTicks: found.startTicks }
}

export function isAlive(process: ProcessIdentity): boolean {
  const found = readProcess(process.pid)
  return found !== undefined && found.startTicks === process.startTicks && !found.isZombie
}

/** SIGKILL, to exactly this process or to nobody. */
export function killExactly(target: ProcessIdentity): void {
  if (!isAlive(target)) return
  try {
    process.kill(target.pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

export function listProcesses(): readonly ProcessInfo[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readProcess(Number(name)))
    .filter((found) => found !== undefined)
}

export function childrenOf(pid: number, all: readonly ProcessInfo[]): readonly ProcessInfo[] {
  return all.filter((candidate) => candidate.parentPid === pid)
}

/** The process and all below it, parents first. */
export function subtreeOf(root: ProcessInfo, all: readonly ProcessInfo[]): readonly ProcessInfo[] {
  const found: ProcessInfo[] = [root]
  for (let next = 0; next < found.length; next += 1) {
    const parent = found[next]
    if (parent !== undefined) found.push(...childrenOf(parent.pid, all))
  }
  return found
}
