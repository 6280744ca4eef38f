import { setMaxListeners } from 'node:events'
import type { CallFailure, EngineClient } from '../../../src/driver/index.js'
import { refusedProblem } from '../../../src/driver/engine-errors.js'
import { nameOf, requestOf } from './calls.js'
import type { Names } from './calls.js'
import type { Script } from './scripts.js'

/** What a script is played on. */
export interface Stage {
  readonly client: EngineClient
  pause(ms: number): Promise<void>
  nowMs(): number
  /** Waits until a process that was started has set its traps: a signal before that finds none, which is a race of the script's own. */
  trapped(pid: number): Promise<void>
}

/** What was answered and what was seen, line by line, without what differs from run to run. */
export type Transcript = readonly string[]

const never = new AbortController().signal
setMaxListeners(0, never)
const LIMITS = { deadlineMs: 120_000, maxBytes: 16e6 }
const POLL_MS = 25
const PATIENCE_MS = 60_000
const STARTS: ReadonlySet<string> = new Set(['start', 'restart'])

export async function play(script: Script, names: Names, stage: Stage): Promise<Transcript> {
  const lines: string[] = []
  const containers = new Set<string>()
  const steps = script.text.split(';').map((text) => text.trim())
  for (const [index, step] of steps.entries()) {
    const calls = step.split('&').map((text) => text.trim().split(/\s+/))
    for (const [verb, first, second] of calls) {
      if (verb === 'create' && first !== undefined) containers.add(first)
      if (verb === 'rename' && second !== undefined) containers.add(second)
    }
    const answers = await Promise.all(calls.map((words) => answer(words, names, stage)))
    lines.push(`${step} → ${answers.sort().join(' & ')}`)
    // What is waited for next may have come already, or not.
    if (steps[index + 1]?.startsWith('await') === true) continue
    for (const name of [...containers].sort()) lines.push(`  ${name} ${await look(name, names, stage)}`)
  }
  for (const name of [...containers].sort()) lines.push(`${name} is listed ${await listed(name, names, stage)}`)
  for (const name of [...containers].sort()) await answer(['rm', name, 'force'], names, stage)
  return lines
}

async function answer(words: readonly string[], names: Names, stage: Stage): Promise<string> {
  if (words[0] === 'await') return awaited(words[1] ?? '', words[2] ?? '', names, stage)
  const request = await requestOf(words, names)
  const answered = await stage.client.call({ ...request, ...LIMITS }, never)
  if (!answered.ok) return failed(answered.problem)
  const { status, body } = answered.value
  if (STARTS.has(words[0] ?? '')) await untilTrapped(words[1] ?? '', names, stage)
  if (words[0] !== 'exec') return String(status)
  return `${status} ${await runExec((JSON.parse(body.toString()) as { Id: string }).Id, stage)}`
}

async function untilTrapped(name: string, names: Names, stage: Stage): Promise<void> {
  const info = await inspect(name, names, stage)
  if (info?.State.Status !== 'running' || info.Config.Cmd.every((word) => !word.includes('trap '))) return
  await stage.trapped(info.State.Pid)
}

/** The status, and what the driver makes of the message. */
function failed(failure: CallFailure): string {
  if (failure.kind === 'broken') throw new Error(failure.problem.message)
  return `${failure.status} ${refusedProblem(failure.status, failure.message, { server: 's', what: 'w' }).code}`
}

async function runExec(id: string, { client }: Stage): Promise<string> {
  const body = { Detach: false, Tty: false }
  const opened = await client.open({ method: 'POST', path: `/exec/${id}/start`, body, ...LIMITS }, never)
  if (!opened.ok) return failed(opened.problem)
  await new Promise((resolve) => {
    opened.value.response.on('data', () => undefined)
    opened.value.response.once('close', resolve)
  })
  const info = await client.call({ method: 'GET', path: `/exec/${id}/json`, ...LIMITS }, never)
  return info.ok ? `exit ${String((JSON.parse(info.value.body.toString()) as { ExitCode: number }).ExitCode)}` : 'gone'
}

interface Inspected {
  readonly RestartCount: number
  readonly Config: { readonly Cmd: readonly string[] }
  readonly State: {
    readonly Status: string
    readonly Pid: number
    readonly ExitCode: number
    readonly Error: string
    readonly Health?: { readonly Status: string }
  }
}

async function inspect(name: string, names: Names, { client }: Stage): Promise<Inspected | null> {
  const path = `/containers/${encodeURIComponent(nameOf(names, name))}/json`
  const info = await client.call({ method: 'GET', path, ...LIMITS }, never)
  if (info.ok) return JSON.parse(info.value.body.toString()) as Inspected
  if (info.problem.kind === 'refused' && info.problem.status === 404) return null
  throw new Error(failed(info.problem))
}

/** What is between two states for a moment is waited for. */
async function look(name: string, names: Names, stage: Stage): Promise<string> {
  const info = await inspect(name, names, stage)
  if (info === null) return 'is not there'
  // Whether the kernel killed it is told by an event: one that comes after the end is never written down.
  const { Status, ExitCode, Error: error, Health } = info.State
  // How often it was restarted so far is a matter of time, and so is whether it is just running or waiting.
  const isFlapping = info.RestartCount > 0 && Status !== 'exited'
  if (isFlapping) return 'restarts again and again'
  const parts = [
    Status,
    `exit ${ExitCode}`,
    `restarts ${info.RestartCount > 1 ? 'more' : info.RestartCount}`,
    Health?.Status ?? 'no health',
  ]
  return [...parts, ...(error === '' ? [] : ['with an error'])].join(', ')
}

async function awaited(name: string, what: string, names: Names, stage: Stage): Promise<string> {
  const endMs = stage.nowMs() + PATIENCE_MS
  while (stage.nowMs() < endMs) {
    const info = await inspect(name, names, stage)
    if (info !== null && isReached(what, info)) return 'so it is'
    await stage.pause(POLL_MS)
  }
  return 'never'
}

function isReached(what: string, { State, RestartCount }: Inspected): boolean {
  return what === 'restarts6' ? RestartCount >= 6 : State.Status === what || State.Health?.Status === what
}

interface Listed {
  readonly Names: readonly string[]
  readonly State: string
  readonly Status: string
  readonly Ports: readonly { readonly IP?: string; readonly PublicPort?: number; readonly Type: string }[]
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> }
}

/** The list may be behind for a moment; what counts is what it comes to say. */
async function listed(name: string, names: Names, stage: Stage): Promise<string> {
  const endMs = stage.nowMs() + 5_000
  for (;;) {
    const list = await stage.client.call(
      { method: 'GET', path: '/containers/json', query: { all: '1' }, ...LIMITS },
      never,
    )
    if (!list.ok) throw new Error(failed(list.problem))
    const all = JSON.parse(list.value.body.toString()) as readonly Listed[]
    const found = all.find(({ Names }) => Names.includes(`/${nameOf(names, name)}`))
    const info = await inspect(name, names, stage)
    const isSame = (info?.State.Status ?? null) === (found?.State ?? null)
    if (!isSame && stage.nowMs() < endMs) {
      await stage.pause(POLL_MS)
      continue
    }
    if (found === undefined) return 'nowhere'
    if (info !== null && info.RestartCount > 0 && info.State.Status !== 'exited') return 'as restarting'
    return [
      found.State,
      statusOf(found.Status),
      ...portsOf(found, names),
      ...(found.State === 'running' ? networksOf(found, names) : []),
    ].join(', ')
  }
}

/** Without how long it has been so. */
function statusOf(status: string): string {
  return status.replace(/^Up .*?( \(.*\))?$/, 'Up$1').replace(/\) .*$/, ')')
}

function portsOf({ Ports }: Listed, { port }: Names): readonly string[] {
  const texts = Ports.filter(({ PublicPort, IP }) => PublicPort !== undefined && IP !== '::').map(
    ({ PublicPort = 0, Type, IP }) => `port ${PublicPort - port}/${Type} of ${IP}`,
  )
  return texts.sort()
}

function networksOf({ NetworkSettings }: Listed, { prefix }: Names): readonly string[] {
  return Object.entries(NetworkSettings.Networks)
    .map(
      ([network, { IPAddress }]) =>
        `${network.replace(`${prefix}-`, '')} ${IPAddress === '' ? 'without' : 'with'} address`,
    )
    .sort()
}
