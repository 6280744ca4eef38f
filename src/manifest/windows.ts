import type { ReleaseWindow } from '../model/index.js'
import { parseCron } from './cron.js'
import { get, items, quoted, textOf } from './node.js'
import type { Node } from './node.js'
import { readDuration, readText } from './read.js'
import type { Report } from './report.js'

const MINUTE_MS = 60_000
const DURATION: { readonly min: number; readonly max: number } = { min: MINUTE_MS, max: 31 * 24 * 60 * MINUTE_MS }
const MOST_WINDOWS = 50
const DEFAULT_ZONE = 'UTC'

/** `windows:` of slipway.yaml. What is wrong is in the report. */
export function readWindows(node: Node | undefined, report: Report): readonly ReleaseWindow[] {
  const all = items(node)
  if (node !== undefined && all.length > MOST_WINDOWS)
    report.error('VALUE_OUT_OF_RANGE', node, `${all.length} windows are too many; at most ${MOST_WINDOWS}`)
  return all.slice(0, MOST_WINDOWS).flatMap((one) => readWindow(one, report))
}

function readWindow(node: Node, report: Report): readonly ReleaseWindow[] {
  const [allow, deny] = [get(node, 'allow'), get(node, 'deny')]
  const schedule = allow ?? deny
  if (schedule === undefined || (allow !== undefined && deny !== undefined)) {
    report.error('CONFLICT', node, 'a window is either allow: or deny:, with the schedule of its beginning')
    return []
  }
  const cron = parseCron(textOf(schedule))
  if (typeof cron === 'string') report.error('FIELD_INVALID', schedule, cron)
  const durationMs = readDuration(node, 'duration', report, DURATION)
  const timeZone = readText(node, 'time_zone') ?? DEFAULT_ZONE
  if (!isTimeZone(timeZone))
    report.error(
      'FIELD_INVALID',
      get(node, 'time_zone') ?? node,
      `${quoted(timeZone)} is no time zone such as Europe/London`,
    )
  if (typeof cron === 'string' || durationMs === null) return []
  const kind = allow === undefined ? 'deny' : 'allow'
  return [{ kind, cron, durationMs, timeZone, reason: readText(node, 'reason') ?? '' }]
}

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}
