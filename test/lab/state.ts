import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { EngineKind } from './downloads.js'
import type { LabServerOptions } from './options.js'
import { bootId, identityOf, isAlive, type ProcessIdentity } from './processes.js'

/** All labs of this machine. Short, because a socket's path may have 107 bytes. */
export const labsDir = process.env['SLIPWAY_LAB_DIR'] ?? '/var/lib/slipway-lab'

export type ServerState = LabServerOptions & {
  /** From 1; makes the addresses. */
  readonly index: number
  readonly engine: EngineKind
  readonly user: 'deploy' | 'root'
}

/**
 * What a lab is made of, written before it is made. Processes write themselves down instead (`keeper.stat` in each
 * folder), so that not even a crash between a start and a write loses one.
 */
export type LabState = {
  readonly version: 1
  readonly name: string
  readonly bootId: string
  readonly subnet: number
  /** The process that the lab belongs to; null when it may outlive it. */
  readonly owner: ProcessIdentity | null
  readonly servers: readonly ServerState[]
  readonly hasRegistry: boolean
}

export function labDir(name: string): string {
  if (!/^[a-z0-9][a-z0-9-]{0,19}$/.test(name))
    throw new Error(`lab name ${JSON.stringify(name)}: at most 20 of a-z 0-9 -`)
  return join(labsDir, name)
}

export function currentOwner(): ProcessIdentity | null {
  return identityOf(process.pid) ?? null
}

export function writeState(state: LabState): void {
  const dir = labDir(state.name)
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'state.json.new'), JSON.stringify(state, null, 2) + '\n', { mode: 0o600 })
  renameSync(join(dir, 'state.json.new'), join(dir, 'state.json'))
}

export function readState(name: string): LabState | undefined {
  const file = join(labDir(name), 'state.json')
  if (!existsSync(file)) return undefined
  const state = JSON.parse(readFileSync(file, 'utf8')) as LabState
  return state.version === 1 ? state : undefined
}

/** Names of all labs that have left anything on this machine. */
export function listLabs(): readonly string[] {
  return existsSync(labsDir) ? readdirSync(labsDir).filter((name) => /^[a-z0-9]/.test(name)) : []
}

export function isOwnerAlive(state: LabState): boolean {
  return state.owner !== null && state.bootId === bootId() && isAlive(state.owner)
}
