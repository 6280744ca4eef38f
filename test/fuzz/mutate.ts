import { hostileValue, mutateJson } from './mutate-json.js'
import { randomOf } from './random.js'
import type { Random } from './random.js'
import type { Target } from './target.js'

export const MAX_BYTES = 64 * 1024

/** The input of one case: the same for the same seed and number. */
export function inputOf(target: Target, seed: number, index: number): Buffer {
  const random = randomOf(seed, index)
  const maxBytes = target.maxBytes ?? MAX_BYTES
  const made = draw(target, random)
  const mended = target.mend !== undefined && random.chance(0.8) ? target.mend(made) : made
  return mended.byteLength > maxBytes ? mended.subarray(0, maxBytes) : mended
}

function draw(target: Target, random: Random): Buffer {
  if (target.generate !== undefined && random.chance(0.5)) {
    const generated = target.generate(random)
    return random.chance(0.6) ? generated : mutateBytes(generated, target, random)
  }
  const sample = random.pick(target.samples)
  if (target.isJson === true && random.chance(0.7)) return mutateJson(sample, target.words ?? [], random)
  return mutateBytes(sample, target, random)
}

type Mutation = (input: Buffer, random: Random, target: Target) => Buffer

const MUTATIONS: readonly Mutation[] = [
  (input, random) => withByte(input, random, (byte) => byte ^ (1 << random.int(8))),
  (input, random) => withByte(input, random, () => random.int(256)),
  (input, random) => withByte(input, random, () => random.pick([0, 1, 0x7f, 0x80, 0xff, 0x0a, 0x20, 0x30, 0x39])),
  (input, random) => input.subarray(0, random.int(input.byteLength + 1)),
  (input, random) => input.subarray(random.int(input.byteLength + 1)),
  (input, random) => splice(input, random, 0, random.bytes(1 + random.int(8))),
  (input, random) => splice(input, random, 1 + random.int(16), Buffer.alloc(0)),
  (input, random, { words = [] }) =>
    splice(input, random, random.int(4), Buffer.from(words.length === 0 ? '' : random.pick(words))),
  (input, random) => splice(input, random, random.int(4), Buffer.from(random.pick(NUMBERS))),
  (input, random) => splice(input, random, random.int(3), Buffer.from(random.pick(TEXTS))),
  (input, random) => repeated(input, random),
  (input, random, { samples }) => crossed(input, random.pick(samples), random),
  (input, random) => Buffer.concat([input, sliceOf(input, random)]),
]

const NUMBERS = ['0', '-1', '1e999', '99999999999999999999', '2147483648', '4294967295', '0x', '07', '1.5', '-0', 'NaN']
const TEXTS = [
  '\0',
  '\u{feff}',
  '\u2028',
  '\u{1f600}',
  '\ud800',
  '__proto__',
  'constructor',
  '\r\n',
  '\n',
  '"',
  "'",
  '\\',
]

export function mutateBytes(start: Buffer, target: Target, random: Random): Buffer {
  let input = start
  for (let count = 1 + random.int(random.chance(0.2) ? 20 : 4); count > 0; count--)
    input = random
      .pick(MUTATIONS)(input, random, target)
      .subarray(0, target.maxBytes ?? MAX_BYTES)
  return Buffer.from(input)
}

function withByte(input: Buffer, random: Random, change: (byte: number) => number): Buffer {
  const changed = Buffer.from(input)
  const at = random.int(Math.max(1, changed.byteLength))
  if (at < changed.byteLength) changed[at] = change(changed[at] ?? 0)
  return changed
}

function splice(input: Buffer, random: Random, drop: number, put: Buffer): Buffer {
  const at = random.int(input.byteLength + 1)
  return Buffer.concat([input.subarray(0, at), put, input.subarray(Math.min(input.byteLength, at + drop))])
}

function sliceOf(input: Buffer, random: Random): Buffer {
  const start = random.int(input.byteLength + 1)
  return input.subarray(start, start + 1 + random.int(random.chance(0.5) ? 8 : 200))
}

/** One piece many times: what costs the square of its length shows here. */
function repeated(input: Buffer, random: Random): Buffer {
  const piece = sliceOf(input, random)
  if (piece.byteLength === 0) return input
  const times = 2 ** random.int(random.chance(0.1) ? 16 : 6)
  const many = Buffer.concat(
    Array<Buffer>(Math.max(1, Math.min(times, Math.floor(2 ** 22 / piece.byteLength)))).fill(piece),
  )
  return splice(input, random, 0, many)
}

function crossed(input: Buffer, other: Buffer, random: Random): Buffer {
  return Buffer.concat([
    input.subarray(0, random.int(input.byteLength + 1)),
    other.subarray(random.int(other.byteLength + 1)),
  ])
}

/** Any JSON, for what nobody has samples of. */
export function anyJson(random: Random, words: readonly string[]): string {
  return hostileValue(random, words, 3)
}
