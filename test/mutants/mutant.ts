/** One way to break the program: a text of a file, and what to put in its place. Text that stands there once, on purpose: a mutant is exact. */
export interface Mutant {
  readonly file: string
  readonly find: string
  readonly put: string
  /** What is broken, as an operator would see it. */
  readonly breaks: string
}
