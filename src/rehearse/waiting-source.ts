import type { Source } from '../controller/index.js'

/** A real source for a controller in virtual time: while it reads, time stands still. Its ref names one revision for ever. */
export interface WaitingSource {
  readonly source: Source
  /** Resolves once nothing is being read. */
  idle(): Promise<void>
}

export function waitingSource(real: Source, sha: string): WaitingSource {
  const reading = new Set<Promise<unknown>>()
  const held = <T>(work: Promise<T>): Promise<T> => {
    reading.add(work)
    const forget = (): void => void reading.delete(work)
    work.then(forget, forget)
    return work
  }
  return {
    source: {
      poll: (signal) => held(real.revision(sha, signal)),
      revision: (sha, signal) => held(real.revision(sha, signal)),
      tree: (sha, signal) => held(real.tree(sha, signal)),
      read: (oids, signal) => held(real.read(oids, signal)),
      isAncestor: (ancestor, descendant, signal) => held(real.isAncestor(ancestor, descendant, signal)),
      news: (question, signal) => held(real.news(question, signal)),
      // It is opened by others, and stays theirs.
      close: () => Promise.resolve(),
    },
    async idle() {
      while (reading.size > 0) await Promise.allSettled(reading)
    },
  }
}
