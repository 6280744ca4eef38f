import type { Io } from '../../src/cli/index.js'

export interface KeptIo {
  readonly io: Io
  /** What was said, so far. */
  readonly written: { out: string; err: string }
}

/** A terminal of a person, whose words are kept; and what a test wants different. */
export function keptIo(changes: Partial<Io>): KeptIo {
  const written = { out: '', err: '' }
  const io: Io = {
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    isTty: false,
    columns: 100,
    env: { SLIPWAY_REPO: 'test', SLIPWAY_DATA: '/nonexistent/slipway' },
    home: '/nonexistent',
    isRoot: false,
    user: 'ann',
    nowMs: () => 0,
    interrupted: new AbortController().signal,
    ...changes,
  }
  return { io, written }
}
