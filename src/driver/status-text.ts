import type { ContainerState, EngineHealth } from '../model/index.js'

/** What the engine's list says in words for people, and nowhere else: `Up 5 minutes (healthy)`, `Exited (137) 3 seconds ago`. */
export interface StatusText {
  readonly health: EngineHealth
  readonly exitCode: number | null
}

const STATES: Readonly<Record<string, ContainerState>> = {
  created: 'created',
  running: 'running',
  restarting: 'restarting',
  paused: 'paused',
  exited: 'exited',
  dead: 'dead',
  removing: 'removing',
}

const UNKNOWN: StatusText = { health: 'none', exitCode: null }

/** The state, or undefined for a word that no engine up to the newest known says. */
export function parseState(state: unknown): ContainerState | undefined {
  return typeof state === 'string' && Object.hasOwn(STATES, state) ? STATES[state] : undefined
}

/** Called for each container of each look: without regular expressions, all but the shortest way for a running one. */
export function parseStatus(status: string): StatusText {
  if (status.startsWith('Up ')) return { health: healthOf(status), exitCode: null }
  if (status.startsWith('Exited (')) return { health: 'none', exitCode: codeAfter(status, 8) }
  if (status.startsWith('Restarting (')) return { health: 'none', exitCode: codeAfter(status, 12) }
  return UNKNOWN
}

function healthOf(status: string): EngineHealth {
  const open = status.lastIndexOf('(')
  if (open < 0) return 'none'
  switch (status.slice(open)) {
    case '(healthy)':
      return 'healthy'
    case '(unhealthy)':
      return 'unhealthy'
    case '(health: starting)':
      return 'starting'
    default:
      return 'none'
  }
}

function codeAfter(status: string, start: number): number | null {
  const code = Number.parseInt(status.slice(start), 10)
  return Number.isNaN(code) ? null : code
}
