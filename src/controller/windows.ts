import type { ReleaseWindow } from '../model/index.js'

/** Whether a new revision may be rolled out, and if not, why and until when. `opensAtMs` null: not within `HORIZON_DAYS`. */
export type WindowState =
  | { readonly kind: 'open' }
  | { readonly kind: 'closed'; readonly by: ReleaseWindow | null; readonly opensAtMs: number | null }

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const HORIZON_DAYS = 400
/** Beginnings and ends that are looked at for the next opening. */
const MOST_STEPS = 2_000

/** Open where no window forbids it and, when there are any that allow it, one of them does. Deny wins. */
export function windowState(windows: readonly ReleaseWindow[], atMs: number): WindowState {
  const schedules = windows.map(scheduleOf)
  const denying = schedules.find(({ window, endAt }) => window.kind === 'deny' && endAt(atMs) !== null)
  if (isOpen(schedules, atMs)) return { kind: 'open' }
  const lastMs = atMs + HORIZON_DAYS * DAY_MS
  let stepMs: number | null = atMs
  for (let steps = 0; stepMs !== null && stepMs <= lastMs && steps < MOST_STEPS; steps += 1) {
    if (isOpen(schedules, stepMs)) return { kind: 'closed', by: denying?.window ?? null, opensAtMs: stepMs }
    stepMs = nextChange(schedules, stepMs)
  }
  return { kind: 'closed', by: denying?.window ?? null, opensAtMs: null }
}

function isOpen(schedules: readonly Schedule[], atMs: number): boolean {
  const isActive = ({ endAt }: Schedule): boolean => endAt(atMs) !== null
  if (schedules.some((schedule) => schedule.window.kind === 'deny' && isActive(schedule))) return false
  const allowing = schedules.filter(({ window }) => window.kind === 'allow')
  return allowing.length === 0 || allowing.some(isActive)
}

/** Only an end of what forbids or a beginning of what allows can open. */
function nextChange(schedules: readonly Schedule[], atMs: number): number | null {
  const changes = schedules.flatMap(({ window, endAt, startAfter }) => {
    const change = window.kind === 'deny' ? endAt(atMs) : startAfter(atMs)
    return change === null ? [] : [change]
  })
  return changes.length === 0 ? null : Math.min(...changes)
}

interface Schedule {
  readonly window: ReleaseWindow
  /** When what is active at `atMs` ends; null when nothing is. */
  readonly endAt: (atMs: number) => number | null
  readonly startAfter: (atMs: number) => number | null
}

function scheduleOf(window: ReleaseWindow): Schedule {
  const zone = zoneOf(window.timeZone)
  const known = new Map<number, readonly number[]>()
  const startsOf = (day: number): readonly number[] => {
    const starts = known.get(day) ?? startsOn(window, zone, day)
    known.set(day, starts)
    return starts
  }
  return {
    window,
    endAt(atMs) {
      const firstDay = dayOf(zone.local(atMs - window.durationMs))
      for (let day = dayOf(zone.local(atMs)); day >= firstDay; day -= DAY_MS) {
        const start = startsOf(day).findLast((one) => one <= atMs)
        if (start !== undefined) return start + window.durationMs > atMs ? start + window.durationMs : null
      }
      return null
    },
    startAfter(atMs) {
      const today = dayOf(zone.local(atMs))
      for (let day = today; day <= today + HORIZON_DAYS * DAY_MS; day += DAY_MS) {
        const start = startsOf(day).find((one) => one > atMs)
        if (start !== undefined) return start
      }
      return null
    },
  }
}

/**
 * Beginnings on a day of the zone's calendar, in order. One that falls into an hour that the clock skips is at the moment it skips; one in an
 * hour that comes twice is the first, unless the schedule names every hour: then it is both.
 */
function startsOn({ cron }: ReleaseWindow, zone: Zone, day: number): readonly number[] {
  if (!isDayOf(cron, new Date(day))) return []
  const isEveryHour = cron.hours.length === 24
  const times = cron.hours.flatMap((hour) => cron.minutes.map((minute) => day + (hour * 60 + minute) * MINUTE_MS))
  // On most days no clock is changed, and asking for the time zone costs more than all the rest.
  const offset = zone.offsetAround(day)
  if (offset !== null) return times.map((localMs) => localMs - offset)
  const starts = times.flatMap((localMs) => zone.instants(localMs).slice(0, isEveryHour ? 2 : 1))
  return [...new Set(starts)].sort((a, b) => a - b)
}

/** As cron(5) has it: where both days are restricted, either is enough. */
function isDayOf({ days, months, weekdays }: ReleaseWindow['cron'], date: Date): boolean {
  if (!months.includes(date.getUTCMonth() + 1)) return false
  const [isDay, isWeekday] = [days.includes(date.getUTCDate()), weekdays.includes(date.getUTCDay())]
  return days.length < 31 && weekdays.length < 7 ? isDay || isWeekday : isDay && isWeekday
}

/** Local times are written as if they were UTC. */
interface Zone {
  readonly local: (atMs: number) => number
  /** What local time is ahead by, where that is the same from a day before to a day after `localMs` and its day; else null. */
  readonly offsetAround: (localMs: number) => number | null
  /** The moments at which the clocks there show it: one; two where they are set back; where they skip it, the moment they skip. */
  readonly instants: (localMs: number) => readonly number[]
}

function zoneOf(timeZone: string): Zone {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  })
  const local = (atMs: number): number => {
    const part = Object.fromEntries(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]))
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part
    return Date.UTC(year, month - 1, day, hour, minute, second)
  }
  const offset = (atMs: number): number => local(atMs) - Math.floor(atMs / 1000) * 1000
  return {
    local,
    offsetAround(localMs) {
      const before = offset(localMs - DAY_MS)
      return before === offset(localMs + 2 * DAY_MS) ? before : null
    },
    instants(localMs) {
      const offsets = [offset(localMs - DAY_MS), offset(localMs + DAY_MS)]
      const found = [...new Set(offsets)].map((one) => localMs - one).filter((atMs) => local(atMs) === localMs)
      return found.length > 0 ? found.sort((a, b) => a - b) : [skip(local, localMs - Math.max(...offsets), localMs)]
    },
  }
}

/** The first minute whose local time is past `localMs`, which no clock shows. */
function skip(local: (atMs: number) => number, beforeMs: number, localMs: number): number {
  let [low, high] = [beforeMs, beforeMs + DAY_MS]
  while (high - low > MINUTE_MS) {
    const middle = low + Math.floor((high - low) / 2 / MINUTE_MS) * MINUTE_MS
    if (local(middle) > localMs) high = middle
    else low = middle
  }
  return high
}

function dayOf(localMs: number): number {
  return Math.floor(localMs / DAY_MS) * DAY_MS
}

/** `Mon 2026-11-30 22:00 (Europe/London)`. */
export function formatZoned(atMs: number, timeZone: string): string {
  const date = new Date(zoneOf(timeZone).local(atMs))
  const weekday = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][date.getUTCDay()] ?? ''
  return `${weekday} ${date.toISOString().slice(0, 16).replace('T', ' ')} (${timeZone})`
}
