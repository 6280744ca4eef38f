/** What the program ends with; documented in the README. */
export const EXIT = {
  ok: 0,
  failure: 1,
  /** `plan`, `diff` and `swarm`: something differs. */
  changes: 2,
  /** `validate --strict`: no problem, but warnings. */
  warnings: 2,
  /** `apply`: the revision failed and was rolled back. */
  rolledBack: 3,
  /** sysexits.h: the command line is wrong. */
  usage: 64,
  /** 128 and the number of SIGINT. */
  interrupted: 130,
  /** 128 and the number of SIGTERM. */
  terminated: 143,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
