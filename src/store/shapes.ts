export type Check = (value: unknown) => boolean
export type Shape<T, Known extends string> = Readonly<Record<Exclude<keyof T, Known>, Check>>

export const text: Check = (value) => typeof value === 'string'
/** A key of records: what every object answers to would be found there before it is put there. */
export const name: Check = (value) => typeof value === 'string' && !(value in Object.prototype)
export const number: Check = (value) => typeof value === 'number' && Number.isFinite(value)
/** Beyond it there are no dates, and what makes a text of one throws. */
const LAST_DATE_MS = 8.64e15
export const time: Check = (value) => typeof value === 'number' && Math.abs(value) <= LAST_DATE_MS
export const flag: Check = (value) => typeof value === 'boolean'
export const nullOr =
  (check: Check): Check =>
  (value) =>
    value === null || check(value)
export const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check)
export const mapOf =
  (check: Check): Check =>
  (value) =>
    isRecord(value) && Object.values(value).every(check)

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

type Fields = Readonly<Record<string, Check>>

/** Fields that this release does not know may be there: a later one wrote them. */
export function shape(fields: Fields): Check {
  return fieldsOf(fields, false)
}

/** The same, and what an older release did not know may be absent. */
export function partly(fields: Fields): Check {
  return fieldsOf(fields, true)
}

function fieldsOf(fields: Fields, mayLack: boolean): Check {
  const checks = Object.entries(fields)
  const isRight = (value: Readonly<Record<string, unknown>>, name: string, check: Check): boolean =>
    Object.hasOwn(value, name) ? check(value[name]) : mayLack
  return (value) => isRecord(value) && checks.every(([name, check]) => isRight(value, name, check))
}

export const revision = shape({ ref: text, sha: text, author: text, committedAtMs: number, subject: text })
export const problem = shape({ code: text, message: text })
export const slot = shape({ stack: name, service: name, key: text })
export const server = shape({
  name: text,
  address: isRecord,
  hostKey: isRecord,
  labels: mapOf(text),
  lostAfterMs: nullOr(number),
})
export const fleet = shape({ name: text, servers: listOf(server), guards: shape({ prune: number, history: text }) })
