import type { Checker } from '../controller/index.js'
import type { CheckQuestion } from '../model/index.js'
import type { Got } from './ask.js'

type Answer = Awaited<ReturnType<Checker['check']>>
type Got200 = Extract<Got, { kind: 'answer' }>
type HttpQuestion = Extract<CheckQuestion, { kind: 'http' }>
type PrometheusQuestion = Extract<CheckQuestion, { kind: 'prometheus' }>

const MOST_FOREIGN = 200

/** Whatever status it is, it is an answer. */
export function judgeHttp({ expectMin, expectMax }: HttpQuestion, { status }: Pick<Got200, 'status'>): Answer {
  if (status >= expectMin && status <= expectMax) return { verdict: 'yes', said: `HTTP ${status}` }
  const expected = expectMin === expectMax ? `${expectMin}` : `${expectMin}-${expectMax}`
  return { verdict: 'no', said: `HTTP ${status}, expected ${expected}` }
}

/** Only numbers are an answer: what the server says of itself, or of the query, says nothing about the new replicas. */
export function judgePrometheus(question: PrometheusQuestion, { status, body }: Got200): Answer {
  const unknown = (said: string): Answer => ({ verdict: 'unknown', said })
  const parsed = parse(body)
  const error = textAt(parsed, 'error')
  if (status !== 200) return unknown(`Prometheus answers HTTP ${status}${error === null ? '' : `: ${error}`}`)
  const numbers = textAt(parsed, 'status') === 'success' ? numbersOf(at(parsed, 'data')) : null
  if (typeof numbers === 'string') return unknown(numbers)
  if (numbers === null) return unknown('the answer is none of Prometheus')
  if (numbers.length === 0) return unknown('the query finds nothing')
  for (const number of numbers) {
    const why = whyOutside(question, number)
    if (why !== null) return { verdict: 'no', said: why }
  }
  if (numbers.some((number) => Number.isNaN(number))) return unknown('the query gives NaN')
  return { verdict: 'yes', said: saidOf(numbers) }
}

function whyOutside({ min, max }: PrometheusQuestion, number: number): string | null {
  if (max !== null && number > max) return `${shown(number)} is more than ${max}`
  return min !== null && number < min ? `${shown(number)} is less than ${min}` : null
}

function saidOf(numbers: readonly number[]): string {
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)]
  return numbers.length === 1 ? shown(least) : `${numbers.length} numbers from ${shown(least)} to ${shown(most)}`
}

function shown(number: number): string {
  return String(Number(number.toPrecision(4)))
}

/** Those of a scalar or an instant vector, a text where the query gives something else, null where it makes no sense. */
function numbersOf(data: unknown): readonly number[] | string | null {
  const [type, result] = [textAt(data, 'resultType'), at(data, 'result')]
  if (type === 'matrix' || type === 'string') return `the query gives a ${type}; make it give numbers`
  if (!Array.isArray(result)) return null
  const samples: readonly unknown[] =
    type === 'scalar' ? [result] : type === 'vector' ? result.map((one: unknown) => at(one, 'value')) : [null]
  if (type === 'vector' && samples.includes(undefined)) return 'the query gives histograms; make it give numbers'
  const numbers = samples.map(numberOf)
  return numbers.every((number) => number !== null) ? numbers : null
}

/** `[1700000000.1, "0.5"]`. */
function numberOf(sample: unknown): number | null {
  const text: unknown = Array.isArray(sample) && sample.length === 2 ? sample[1] : null
  if (typeof text !== 'string') return null
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (text === 'NaN') return NaN
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : null
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[key] : undefined
}

/** Of strangers: one short line. */
function textAt(value: unknown, key: string): string | null {
  const text = at(value, key)
  return typeof text === 'string' ? text.replace(/[\p{C}\s]+/gu, ' ').slice(0, MOST_FOREIGN) : null
}
