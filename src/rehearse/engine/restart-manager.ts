/** Docker's own restart policy, as the engine counts: pauses from 100 ms on, doubled up to a minute, forgotten after a run of 10 s. */
export interface RestartManager {
  restartCount: number
  timeoutMs: number
  /** Stopped by hand: whatever the policy says, it does not start again. */
  isCancelled: boolean
}

export interface EnginePolicy {
  readonly name: string
  readonly maximumRetryCount: number
}

const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 60_000
const FORGIVEN_AFTER_MS = 10_000

export function newRestartManager(): RestartManager {
  return { restartCount: 0, timeoutMs: 0, isCancelled: false }
}

/** The pause before the next start, or null when there is none. Counts the restart. */
export function nextRestart(
  manager: RestartManager,
  policy: EnginePolicy,
  exit: { readonly exitCode: number; readonly isStoppedByHand: boolean; readonly ranMs: number },
): number | null {
  if (policy.name === '' || policy.name === 'no' || manager.isCancelled) return null
  if (exit.ranMs >= FORGIVEN_AFTER_MS) manager.timeoutMs = 0
  manager.timeoutMs =
    manager.timeoutMs === 0
      ? FIRST_PAUSE_MS
      : Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, manager.timeoutMs * 2))
  if (!wantsRestart(manager, policy, exit)) return null
  manager.restartCount += 1
  return manager.timeoutMs
}

function wantsRestart(
  { restartCount }: RestartManager,
  { name, maximumRetryCount }: EnginePolicy,
  { exitCode, isStoppedByHand }: { readonly exitCode: number; readonly isStoppedByHand: boolean },
): boolean {
  switch (name) {
    case 'always':
      return true
    case 'unless-stopped':
      return !isStoppedByHand
    case 'on-failure':
      return exitCode !== 0 && (maximumRetryCount === 0 || restartCount < maximumRetryCount)
    default:
      return false
  }
}
