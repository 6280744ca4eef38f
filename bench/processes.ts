import { fork, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'

export const ROOT = new URL('../', import.meta.url).pathname

/** A part of the benchmark as a process of its own; it ends with this one. */
export class Helper {
  readonly pid: number
  private readonly child: ChildProcess

  constructor(file: string, args: readonly string[] = []) {
    this.child = fork(`${ROOT}bench/${file}`, [...args], { execArgv: ['--import', 'tsx'], serialization: 'advanced' })
    if (this.child.pid === undefined) throw new Error(`${file} did not start`)
    this.pid = this.child.pid
  }

  /** Sends an order and waits for the answer. One order at a time. */
  ask<T>(order: unknown): Promise<T> {
    return new Promise((resolve, reject) => {
      const ended = (code: number | null): void => reject(new Error(`the helper ended with ${code}`))
      this.child.once('exit', ended)
      this.child.once('message', (answer) => {
        this.child.off('exit', ended)
        resolve(answer as T)
      })
      this.child.send(order as object)
    })
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.disconnect()
    await ended
  }
}

/** The built program as people run it. */
export class Program {
  readonly pid: number
  private readonly child: ChildProcess
  private lines: readonly string[] = []
  private stderr = ''

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, [`${ROOT}dist/main.js`, ...args], {
      env: { PATH: process.env['PATH'], SLIPWAY_LOG_FORMAT: 'json', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    if (this.child.pid === undefined) throw new Error('the program did not start')
    this.pid = this.child.pid
    let rest = ''
    this.child.stdout?.on('data', (chunk) => {
      const parts = `${rest}${String(chunk)}`.split('\n')
      rest = parts.pop() ?? ''
      this.lines = [...this.lines, ...parts]
    })
    this.child.stderr?.on('data', (chunk) => (this.stderr = `${this.stderr}${String(chunk)}`.slice(-4_000)))
  }

  /** Waits until this many lines of the log have a text. */
  async logged(text: string, count: number, deadlineMs: number): Promise<void> {
    const endMs = performance.now() + deadlineMs
    while (this.lines.filter((line) => line.includes(text)).length < count) {
      const isLate = performance.now() > endMs
      if (isLate || this.child.exitCode !== null)
        throw new Error(`not ${count} × ${text}:\n${this.lines.slice(-20).join('\n')}\n${this.stderr}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null) return
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGTERM')
    await ended
  }
}

/** CPU that all threads of a process have used so far, in ms. */
export function cpuMs(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`)
  const ran = tasks.map((task) => Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]))
  return ran.reduce((sum, ns) => sum + ns, 0) / 1e6
}

function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)
}

/** Resident memory of a process and those that it started, in MB (10⁶ bytes); what they share counts for each. */
export function residentMb(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return (Number(kib) * 1024) / 1e6 + childrenOf(pid).reduce((sum, child) => sum + residentMb(child), 0)
}
