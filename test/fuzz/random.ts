/** Random numbers that are the same for the same seed. */
export interface Random {
  /** A whole number from 0 up to, not including, `below`. */
  int(below: number): number
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
  bytes(length: number): Buffer
}

/** Sfc32, seeded with two numbers: a run's seed and the number of the case in it, so that a case can be made again alone. */
export function randomOf(seed: number, index: number): Random {
  let [a, b, c, counter] = [seed | 0, index | 0, 0x9e3779b9, 1]
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let round = 0; round < 15; round++) next()
  const int = (below: number): number => Math.floor((next() / 2 ** 32) * below)
  return {
    int,
    chance: (probability) => next() / 2 ** 32 < probability,
    pick<T>(from: readonly T[]): T {
      if (from.length === 0) throw new Error('broken invariant: there is something to pick from')
      return from[int(from.length)] as T
    },
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(256))),
  }
}
