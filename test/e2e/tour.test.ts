import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { attachLab, listLabs } from '../lab/index.js'

const START = new URL('../../scripts/start.mjs', import.meta.url).pathname
const LAB = 'demo'

let child: ChildProcess | undefined
let printed = ''

/** `npm start` without npm, which would answer signals itself. */
function start(...args: readonly string[]): void {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], NO_COLOR: '1' }
  const started = spawn(process.execPath, [START, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  printed = ''
  for (const stream of [started.stdout, started.stderr]) stream.on('data', (chunk) => (printed += String(chunk)))
  child = started
}

async function ended(): Promise<number | null> {
  if (child !== undefined && child.exitCode === null) await once(child, 'close')
  return child?.exitCode ?? null
}

async function says(text: string): Promise<void> {
  while (!printed.includes(text)) {
    if (child?.exitCode !== null) throw new Error(`it ended without having said ${JSON.stringify(text)}:\n${printed}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Network namespaces of the demo's servers, while they stand. */
async function namespaces(): Promise<ReadonlySet<string>> {
  const lab = await attachLab(LAB)
  return new Set(lab?.servers.map(({ keeper }) => namespaceOf(String(keeper.pid)) ?? '') ?? [])
}

function namespaceOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`)
  } catch {
    return undefined
  }
}

/** Processes that are in one of these namespaces, or that were started with the lab's folder on their command line. */
function processesOf(gone: ReadonlySet<string>, folder: string): readonly string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => gone.has(namespaceOf(pid) ?? '-') || commandOf(pid).includes(folder))
}

function commandOf(pid: string): string {
  try {
    return readFileSync(join('/proc', pid, 'cmdline'), 'utf8')
  } catch {
    return ''
  }
}

async function labFolder(): Promise<string> {
  return `${(await attachLab(LAB))?.dir ?? 'no lab'}/`
}

afterEach(async () => {
  child?.kill('SIGTERM')
  await ended()
})

describe('npm start', () => {
  it('goes through the tour by itself, says how each step went, and leaves nothing behind', async () => {
    start('--tour')
    await says('everything needed is on the servers')
    const [was, folder] = [await namespaces(), await labFolder()]
    expect(was.size).toBe(3)

    expect(await ended(), printed).toBe(0)
    const inOrder = [
      'The first deployment',
      '11 of 11 replicas healthy on 3 servers',
      'A commit that rolls out',
      '+GREETING="Welcome to ${SHOP_NAME}! Sale, day 1"',
      '4 of 4 replicas of web replaced, 0 of other services; ',
      ' requests of visitors, 0 failed',
      'A commit that fails its health checks',
      'REPLICA_UNHEALTHY',
      '| wget: server returned error: HTTP/1.1 404 Not Found',
      'rolled back by itself, no running replica was touched',
      'slipway status',
      'git revert',
      'Git and the fleet agree again, no replica was touched',
      'The tour is over, and went as told',
      'everything is gone',
    ]
    expect(inOrder.filter((text) => !printed.includes(text))).toEqual([])
    const places = inOrder.map((text) => printed.indexOf(text))
    expect(places).toEqual([...places].sort((a, b) => a - b))
    expect(listLabs()).not.toContain(LAB)
    expect(processesOf(was, folder)).toEqual([])
  })

  it('takes everything down when it is interrupted in the middle of a rollout', async () => {
    start()
    await says('everything needed is on the servers')
    const [was, folder] = [await namespaces(), await labFolder()]
    expect(was.size).toBe(3)

    child?.kill('SIGINT')
    expect(await ended(), printed).toBe(130)
    expect(printed).toContain('everything is gone')
    expect(listLabs()).not.toContain(LAB)
    expect(processesOf(was, folder)).toEqual([])
  })
})
