import type { Clock } from '../controller/index.js'

/** Rings at most once in `pauseMs`, however often it is pulled; what was pulled meanwhile rings once at the end of the pause. */
export interface Bell {
  pull(): void
  close(): void
}

export function bell(clock: Clock, pauseMs: number, ring: () => void): Bell {
  let lastMs = -Infinity
  let cancel: (() => void) | null = null
  let isClosed = false
  const now = (): void => {
    cancel = null
    lastMs = clock.nowMs()
    ring()
  }
  return {
    pull() {
      if (cancel !== null || isClosed) return
      const waitMs = lastMs + pauseMs - clock.nowMs()
      if (waitMs <= 0) now()
      else cancel = clock.after(waitMs, now)
    },
    close() {
      isClosed = true
      cancel?.()
    },
  }
}
