import type { Clock, Controller } from '../controller/index.js'

const LOOK_AGAIN_MS = 20

/**
 * Waits until the controller's plans are those of the revision in force: every server was looked at and every stack decided. Not longer than the
 * deadline, and not at all where no revision is in force: a server or Git may never answer, and the status says so.
 */
export async function decided(
  controller: Pick<Controller, 'isDecided' | 'status'>,
  clock: Clock,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<void> {
  const endMs = clock.nowMs() + deadlineMs
  if (controller.status().source.accepted === null) return
  while (!controller.isDecided() && !signal.aborted && clock.nowMs() < endMs) {
    await new Promise<void>((resolve) => void clock.after(LOOK_AGAIN_MS, resolve))
  }
}
