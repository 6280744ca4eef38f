import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import type { Fact, Intent, Inventory, Journal } from '../../src/controller/index.js'
import type { Problem, Stack } from '../../src/model/index.js'
import { StoreError, sqliteJournal } from '../../src/store/index.js'
import type { JournalOptions } from '../../src/store/index.js'

const cleanups: (() => void)[] = []

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup()
})

export function later(cleanup: () => void): void {
  cleanups.push(cleanup)
}

export function freshDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-store-'))
  later(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export function open(dir: string, options: Omit<JournalOptions, 'dir'> = {}): Journal {
  const opened = sqliteJournal({ dir, ...options })
  if (!opened.ok) throw new Error(opened.problem.message)
  later(() => opened.value.close())
  return opened.value
}

export function refusal(dir: string, options: Omit<JournalOptions, 'dir'> = {}): Problem {
  const opened = sqliteJournal({ dir, ...options })
  if (!opened.ok) return opened.problem
  opened.value.close()
  throw new Error('the journal opened, and should not have')
}

/** The problem of a call that must fail as StoreError. */
export function failure(call: () => unknown): Problem {
  try {
    call()
  } catch (error) {
    if (error instanceof StoreError) return error.problem
    throw error
  }
  throw new Error('the call succeeded, and should not have')
}

export const lost = (server: string, atMs = 1): Fact => ({ kind: 'server-lost', atMs, server })

export const rolledOut = (stack: string, atMs = 1): Fact => ({
  kind: 'rollout-prepared',
  atMs,
  stack,
})

export const jobFinished = (stack: string, service: string): Fact => ({
  kind: 'job-finished',
  atMs: 1.5,
  stack,
  service,
  specHash: 'h',
  server: 'lon-1',
  exitCode: 0,
})

export const intent = (opId: number): Intent => ({
  opId,
  atMs: 2.25,
  action: { kind: 'pull', server: 'lon-1', stack: 'shop', image: 'busybox:1.36', policy: 'missing' },
})

export const inventory = (server: string): Inventory => ({ server, engineId: 'E', replicas: [] })

export const stack = (name: string): Stack => ({ name, path: `${name}.yaml`, services: [], networks: [], volumes: [] })
