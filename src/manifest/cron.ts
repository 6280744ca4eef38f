import type { Cron } from '../model/index.js'

interface Field {
  readonly name: string
  readonly min: number
  readonly max: number
  /** Names that stand for numbers from `min` on. */
  readonly words: readonly string[]
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const WEEKDAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const FIELDS = [
  { name: 'minute', min: 0, max: 59, words: [] },
  { name: 'hour', min: 0, max: 23, words: [] },
  { name: 'day of the month', min: 1, max: 31, words: [] },
  { name: 'month', min: 1, max: 12, words: MONTHS },
  { name: 'weekday', min: 0, max: 7, words: WEEKDAYS },
] as const satisfies readonly Field[]

/** The five fields of cron(5): lists, ranges, steps and English names. Text: what is wrong. */
export function parseCron(text: string): Cron | string {
  const words = text.trim().toLowerCase().split(/\s+/)
  if (words.length !== FIELDS.length)
    return `found ${words.length} fields, expected five: minute, hour, day, month, weekday`
  const [minutes, hours, days, months, weekdays] = FIELDS.map((field, index) => readField(words[index] ?? '', field))
  for (const values of [minutes, hours, days, months, weekdays]) if (typeof values === 'string') return values
  const list = (values: readonly number[] | string | undefined): readonly number[] =>
    typeof values === 'object' ? values : []
  return {
    text: words.join(' '),
    minutes: list(minutes),
    hours: list(hours),
    days: list(days),
    months: list(months),
    weekdays: [...new Set(list(weekdays).map((day) => day % 7))].sort((a, b) => a - b),
  }
}

function readField(text: string, field: Field): readonly number[] | string {
  const values = new Set<number>()
  for (const part of text.split(',')) {
    const match = /^(?:(\*)|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:\/([1-9]\d?))?$/.exec(part)
    const from = match?.[1] === undefined ? valueOf(match?.[2], field) : field.min
    const to = match?.[1] === undefined ? valueOf(match?.[3] ?? match?.[2], field) : field.max
    const isStepOfOne = match?.[4] !== undefined && match[1] === undefined && match[3] === undefined
    if (from === null || to === null || from > to || isStepOfOne)
      return `${JSON.stringify(part.slice(0, 20))} is no ${field.name} (${field.min} to ${field.max}, as *, 5, 1-5, */2 or 1,3)`
    for (let value = from; value <= to; value += Number(match?.[4] ?? 1)) values.add(value)
  }
  return [...values].sort((a, b) => a - b)
}

function valueOf(text: string | undefined, { min, max, words }: Field): number | null {
  const word = words.indexOf(text ?? '')
  if (word >= 0) return word + min
  const value = /^\d{1,2}$/.test(text ?? '') ? Number(text) : NaN
  return value >= min && value <= max ? value : null
}
