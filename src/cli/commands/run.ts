import { serveControl, controlSocketPath, serveHooks } from '../../web/index.js'
import type { ControlServer, HookServer } from '../../web/index.js'
import type { LogEvent } from '../../controller/index.js'
import { EXIT } from '../exit-code.js'
import { valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { openController, repoOf } from '../local-controller.js'
import type { LocalController } from '../local-controller.js'
import { openReview } from '../open-review.js'
import type { Review } from '../open-review.js'
import { eventAsJson, eventAsText } from '../show/event.js'

/** At night, when nobody commits: the journal forgets what its snapshot covers. */
const COMPACTION_CRON = '17 3 * * *'

export async function run(invocation: Invocation): Promise<number> {
  const { io, parts } = invocation
  const log = printer(invocation)
  const controller = await openController(invocation, log)
  const unschedule = await parts.schedule(COMPACTION_CRON, () => controller.compact(), log)
  try {
    const control = await serve(invocation, controller, log)
    const review = await openReview(invocation, controller, log)
    const hooks = await openHooks(invocation, controller, review)
    controller.start()
    if (hooks !== null) log({ atMs: io.nowMs(), level: 'info', message: 'webhooks taken', fields: { url: hooks.url } })
    log({ atMs: io.nowMs(), level: 'info', message: 'controller started', fields: { socket: control.socketPath } })
    await interruption(io.interrupted)
    log({ atMs: io.nowMs(), level: 'info', message: 'stopping at the next safe point', fields: {} })
    await control.close()
    await hooks?.close()
    await review.close()
  } finally {
    unschedule()
    await controller.close()
  }
  log({ atMs: io.nowMs(), level: 'info', message: 'controller stopped', fields: {} })
  // A person's Ctrl-C is an interruption; a service manager's SIGTERM is how a controller is meant to end.
  return io.interrupted.reason === 'SIGINT' ? EXIT.interrupted : EXIT.ok
}

/** Takes webhooks where a secret is set; no port is opened otherwise. */
async function openHooks(
  { settings, parts }: Invocation,
  { controller }: LocalController,
  review: Review,
): Promise<HookServer | null> {
  if (settings.webhooks === null) return null
  const onNews = (): void => {
    void controller.poll()
    review.look()
  }
  const repository = repoOf(settings)
  return valueOf(await serveHooks({ ...settings.webhooks, repository, clock: parts.clock, onNews }))
}

/** Opens the socket, so that the other commands find this controller. */
export async function serve(
  { settings, io }: Invocation,
  controller: LocalController,
  log: (event: LogEvent) => void,
): Promise<ControlServer> {
  const onBug = (error: unknown): void => {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error)
    log({ atMs: io.nowMs(), level: 'error', message: 'control request failed', fields: { reason } })
  }
  const socketPath = valueOf(controlSocketPath(settings.dataDir))
  return valueOf(await serveControl(controller.surface, { socketPath, onBug }))
}

/** One line a state change: JSON for machines, words for people on a terminal. */
export function printer({ settings, io, colors }: Invocation): (event: LogEvent) => void {
  const isText = settings.logFormat === 'text' || (settings.logFormat === 'auto' && io.isTty)
  return (event) => {
    if (event.level === 'debug') return
    io.out(`${isText ? eventAsText(event, colors) : eventAsJson(event)}\n`)
  }
}

function interruption(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
