import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'

const ROOT = new URL('../../', import.meta.url).pathname
const KEPT_CHARS = 200_000

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** The command line as it is built, as a process of its own, with nothing of this one's environment but PATH. */
export class Program {
  readonly pid: number | undefined
  readonly ended: Promise<Ended>
  private stdout = ''
  private stderr = ''
  private readonly child: ChildProcess

  constructor(args: readonly string[], env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, ['dist/main.js', ...args], {
      cwd: ROOT,
      env: { PATH: process.env['PATH'], NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.pid = this.child.pid
    this.child.stdout?.on('data', (chunk) => (this.stdout = `${this.stdout}${String(chunk)}`.slice(-KEPT_CHARS)))
    this.child.stderr?.on('data', (chunk) => (this.stderr = `${this.stderr}${String(chunk)}`.slice(-KEPT_CHARS)))
    this.ended = new Promise((resolve, reject) => {
      this.child.once('error', reject)
      this.child.once('close', (code, signal) => resolve({ code, signal, stdout: this.stdout, stderr: this.stderr }))
    })
  }

  /** What it has printed so far. */
  get output(): string {
    return `${this.stdout}${this.stderr}`
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null
  }

  /** Sends the signal and resolves when the process is gone. */
  async kill(signal: NodeJS.Signals): Promise<Ended> {
    if (this.isRunning) this.child.kill(signal)
    return this.ended
  }
}
