import { fork } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { run } from '../../lab/shell.js'
import type { ImageSpec } from '../../lab/index.js'
import type { LoadOptions, LoadReport, ToLoad } from './messages.js'

export type { LoadFailure, LoadOptions, LoadReport } from './messages.js'

const PROGRAM = new URL('client.ts', import.meta.url).pathname

/** Clients in a process of their own: neither the controller nor the tests slow them down. */
export class LoadClients {
  private readonly child: ChildProcess

  constructor(options: LoadOptions) {
    this.child = fork(PROGRAM, [JSON.stringify(options)], { execArgv: ['--import', 'tsx'] })
  }

  /** What was seen since the last report. */
  report(): Promise<LoadReport> {
    return this.ask({ kind: 'report' })
  }

  /** Requests go there from now on; streams as they are opened anew. */
  async aim(urls: readonly string[]): Promise<void> {
    await this.ask({ kind: 'aim', urls })
  }

  /** No more requests are begun. Answers with what was seen when the last one has ended. */
  async end(): Promise<LoadReport> {
    const reports = [await this.ask({ kind: 'end' })]
    for (let last = reports[0]; last !== undefined && last.open > 0;) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      reports.push((last = await this.report()))
    }
    this.stop()
    return together(reports)
  }

  stop(): void {
    if (this.child.connected) this.child.disconnect()
  }

  private ask(message: ToLoad): Promise<LoadReport> {
    return new Promise((resolve, reject) => {
      this.child.once('exit', reject)
      this.child.once('message', (report) => {
        this.child.off('exit', reject)
        resolve(report as LoadReport)
      })
      this.child.send(message)
    })
  }
}

/** Reports that follow each other, as one. */
export function together(reports: readonly LoadReport[]): LoadReport {
  const sum = (of: (report: LoadReport) => number): number => reports.reduce((total, report) => total + of(report), 0)
  const answers: Record<string, number> = {}
  for (const report of reports)
    for (const [who, count] of Object.entries(report.answers)) answers[who] = (answers[who] ?? 0) + count
  return {
    requests: sum(({ requests }) => requests),
    open: reports.at(-1)?.open ?? 0,
    streams: reports.at(-1)?.streams ?? 0,
    streamsEnded: sum(({ streamsEnded }) => streamsEnded),
    posts: sum(({ posts }) => posts),
    answers,
    failures: reports.flatMap(({ failures }) => failures),
  }
}

/** This machine's Node with the application of `app.mjs`. */
export async function loadImage(): Promise<ImageSpec> {
  const node = process.execPath
  const libraries = (await run('ldd', [node])).match(/\/\S+(?= \()/g) ?? []
  const programs = [node, ...libraries].map(
    (path) => [path === node ? '/usr/bin/node' : path, { content: readFileSync(path), mode: 0o755 }] as const,
  )
  const ws = dirname(createRequire(import.meta.url).resolve('ws/package.json'))
  const modules = readdirSync(ws, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map(
      (path) =>
        [join('/app/node_modules/ws', relative(ws, path)), { content: readFileSync(path), mode: 0o644 }] as const,
    )
  const app = readFileSync(new URL('app.mjs', import.meta.url))
  return {
    files: Object.fromEntries([...programs, ...modules, ['/app/app.mjs', { content: app, mode: 0o644 }]]),
    cmd: ['node', '/app/app.mjs'],
    exposedPorts: [8080],
  }
}
