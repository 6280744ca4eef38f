/** Longer than any engine needs to write down what it has just said. */
const FORGET_MS = 3_000

/**
 * Containers whose end the engine has told and its list does not show yet: engine 20.10 says `die` some 100 ms before it lists the container as
 * exited. Whoever looks in between sees nothing, and no further event calls him back.
 */
export interface Deaths {
  heard(action: string, containerId: string, nowMs: number): void
  /** Containers that are dead by what was heard, and up by a list that is behind it. */
  missedBy(isUp: (containerId: string) => boolean, nowMs: number): readonly string[]
}

/** Those that were stopped by us are kept apart: engine 26 answers a stop some ms before its list shows it, and nobody should stop them again. */
export interface KnownDeaths {
  readonly told: Deaths
  readonly stopped: Deaths
  /** Being stopped by us just now: the engine's answer says when they are down, there is no need to look for it. */
  readonly stopping: Set<string>
}

export function newKnownDeaths(): KnownDeaths {
  return { told: newDeaths(), stopped: newDeaths(), stopping: new Set() }
}

function newDeaths(): Deaths {
  const told = new Map<string, number>()
  return {
    heard(action, containerId, nowMs) {
      if (action === 'die') told.set(containerId, nowMs)
      if (action === 'start' || action === 'destroy') told.delete(containerId)
    },
    missedBy(isUp, nowMs) {
      for (const [id, atMs] of told) if (nowMs - atMs > FORGET_MS || !isUp(id)) told.delete(id)
      return [...told.keys()]
    },
  }
}
