import { PROBLEMS } from '../../src/model/index.js'
import type { Target } from './target.js'

/** Prototypes that every value leans on. */
const SACRED = Object.entries({
  Object,
  Array,
  String,
  Number,
  Boolean,
  Function,
  Map,
  Set,
  Promise,
  Error,
  Buffer,
}).map(([name, { prototype }]) => ({ name, prototype: prototype as object }))
const KNOWN = new Set<object | null>([null, ...SACRED.map(({ prototype }) => prototype), Uint8Array.prototype])

/** Reads the input twice and says what is wrong with what came of it; null: nothing. */
export async function whatIsWrong(target: Target, input: Buffer): Promise<string | null> {
  const before = printOfPrototypes()
  const given = Buffer.from(input)
  const first = await outcomeOf(target, given)
  if (printOfPrototypes() !== before) {
    cleanPrototypes()
    return 'a prototype was changed'
  }
  if (!given.equals(input)) return 'the input itself was changed'
  if (first.wrong !== null) return first.wrong
  const second = await outcomeOf(target, Buffer.from(input))
  return second.print === first.print ? null : `two results of one input: ${cut(first.print)} and ${cut(second.print)}`
}

interface Seen {
  readonly print: string
  readonly wrong: string | null
}

async function outcomeOf(target: Target, input: Buffer): Promise<Seen> {
  try {
    return printed(await target.read(input), target.hasOldProblems === true)
  } catch (error) {
    if (error instanceof Error && 'problem' in error) return printed(error.problem, false)
    const text =
      error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' ') : String(error)
    return { print: '', wrong: `threw ${text}` }
  }
}

/** The value as text, and whether it holds what no reading of data may make: a foreign prototype, a function, a code that nobody knows. */
function printed(value: unknown, mayBeOld: boolean): Seen {
  let wrong: string | null = null
  const print = (here: unknown): unknown => {
    if (typeof here === 'function' || typeof here === 'symbol') wrong ??= `the result holds a ${typeof here}`
    if (typeof here === 'number' && Number.isNaN(here)) wrong ??= 'the result holds NaN'
    if (typeof here === 'bigint') return `${here}n`
    if (here === null || typeof here !== 'object') return here
    if (here instanceof Uint8Array) return { bytes: Buffer.from(here).toString('base64') }
    if (here instanceof Map) return { map: [...here].map(print) }
    if (here instanceof Set) return { set: [...here].map(print) }
    if (!KNOWN.has(Object.getPrototypeOf(here) as object | null))
      wrong ??= 'an object of the result has another prototype'
    if (Array.isArray(here)) return here.map(print)
    if (!mayBeOld) wrong ??= wrongCode(here)
    // A plain object would take `__proto__` for its prototype.
    return Object.entries(here).map(([key, inner]) => [key, print(inner)])
  }
  const text = JSON.stringify(print(value)) ?? 'undefined'
  return { print: text, wrong }
}

function wrongCode(object: object): string | null {
  if (!('code' in object) || !('message' in object) || typeof object.code !== 'string') return null
  if (!Object.hasOwn(PROBLEMS, object.code)) return `a problem has the code ${object.code}, which is none`
  return typeof object.message === 'string' && object.message !== '' ? null : `the problem ${object.code} says nothing`
}

const OWN_KEYS = new Map(SACRED.map(({ prototype }) => [prototype, new Set(Reflect.ownKeys(prototype))]))

function printOfPrototypes(): string {
  return SACRED.map(({ name, prototype }) => `${name} ${Reflect.ownKeys(prototype).length}`).join()
}

/** So that one failure is not told of all cases after it. */
function cleanPrototypes(): void {
  for (const [prototype, keys] of OWN_KEYS)
    for (const key of Reflect.ownKeys(prototype)) if (!keys.has(key)) Reflect.deleteProperty(prototype, key)
}

function cut(text: string): string {
  return text.length > 200 ? `${text.slice(0, 200)}…` : text
}
