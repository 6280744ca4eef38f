import type { Random } from './random.js'

/** One parser of outside input, as the fuzzer sees it. */
export interface Target {
  readonly name: string
  /** What is parsed, and who sends it. */
  readonly about: string
  /** Real inputs, which mutations start from. */
  readonly samples: readonly Buffer[]
  /** Texts that mean something to the parser. */
  readonly words?: readonly string[]
  /** Whether samples are JSON, so that values can be swapped in them without breaking it. */
  readonly isJson?: boolean
  /** Inputs by their structure, for what mutations of bytes hardly ever get right. */
  readonly generate?: (random: Random) => Buffer
  /** Makes a mutated input plausible again: a checksum, a length. */
  readonly mend?: (input: Buffer) => Buffer
  /** Whether problems in it may have codes that this release does not know: another one wrote them down. */
  readonly hasOldProblems?: boolean
  /** Largest input; default 64 KiB. */
  readonly maxBytes?: number
  /** Inputs that `npm test` tries. */
  readonly quick: number
  /**
   * Reads the input as the program does. What it returns is compared between two runs, so it holds all that was read. Throws an error
   * with a `problem` for input that is refused; any other throw is a failure. Throws as well where a property of its own does not hold.
   */
  readonly read: (input: Buffer) => unknown
}

export function textTarget(
  target: Omit<Target, 'samples' | 'read'> & {
    readonly samples: readonly string[]
    readonly read: (text: string) => unknown
  },
): Target {
  return {
    ...target,
    samples: target.samples.map((sample) => Buffer.from(sample)),
    read: (input) => target.read(input.toString('utf8')),
  }
}
