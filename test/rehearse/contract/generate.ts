import type { Script } from './scripts.js'

/** A sequence of numbers in [0, 1) from a seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const CALLS: readonly (readonly [weight: number, call: string])[] = [
  [6, 'start a'],
  [4, 'stop a 9'],
  [2, 'kill a'],
  [2, 'restart a 9'],
  [3, 'rm a'],
  [1, 'rm a force'],
  [1, 'pause a'],
  [2, 'unpause a'],
  [2, 'create a steady'],
  [2, 'create a steady vol=v'],
  [1, 'create c stubborn port=1'],
  [1, 'start c'],
  [1, 'stop c 0'],
  [1, 'create b steady port=1'],
  [1, 'start b'],
  [1, 'rm b force'],
  [1, 'rename a b'],
  [1, 'rename b a'],
  [1, 'update a 60'],
  [1, 'exec a'],
  [1, 'network n'],
  [1, 'unnetwork n'],
  [1, 'connect n a'],
  [1, 'create a steady net=n'],
  [1, 'seenetwork n'],
  [1, 'volume v'],
  [1, 'seevolume v'],
  [1, 'files a'],
]

/** Calls that may be sent at once: whichever comes first, what is answered and what is left are the same. */
const TOGETHER: readonly string[] = [
  'create a steady & create a steady',
  'rm b force & volume v',
  'network n & network n',
  'volume v & seeimage steady',
  'stop a 9 & volume v',
  'start b & volume v',
  'rm a & network n',
]

const PICKED = CALLS.flatMap(([weight, call]) => Array.from({ length: weight }, () => call))

/** Scripts of random calls, the same for the same seed. */
export function generate(seed: number, count: number): readonly Script[] {
  const next = random(seed)
  const pick = <T>(from: readonly T[]): T => {
    const picked = from[Math.floor(next() * from.length)]
    if (picked === undefined) throw new Error('there is nothing to pick from')
    return picked
  }
  return Array.from({ length: count }, (_, index) => {
    const length = 3 + Math.floor(next() * 5)
    const calls = Array.from({ length }, () => (next() < 0.12 ? pick(TOGETHER) : pick(PICKED)))
    return { title: `${seed}/${index}`, text: ['create a steady', ...calls].join('; ') }
  })
}
