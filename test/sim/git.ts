import { createHash } from 'node:crypto'
import { fail, ok } from '../../src/model/index.js'
import type { Problem, Result, Revision, SignatureVerdict } from '../../src/model/index.js'
import type { NewCommit, NewsQuestion, Source, SourceTree, TreeEntry } from '../../src/controller/index.js'
import type { SimClock } from './clock.js'
import type { FaultId } from './fault-table.js'
import type { SimProcess } from './process.js'

export type Files = ReadonlyMap<string, string>

interface Commit {
  readonly revision: Revision
  readonly files: Files
  readonly parent: string | null
  readonly letter: Letter
}

/** What else a commit says: who vouches for it, and what its message asks for. */
export interface Letter {
  readonly isSigned: boolean
  readonly trailers: NewCommit['trailers']
}

const PLAIN_LETTER: Letter = Object.freeze({ isSigned: false, trailers: [] })
export const SIGNED: Letter = Object.freeze({ isSigned: true, trailers: [] })

/** What a path holds instead of a file, said by its content. */
const ODD_ENTRIES: Readonly<Record<string, TreeEntry['kind']>> = { '<symlink>': 'symlink', '<submodule>': 'submodule' }

/** The repository behind the followed ref: a graph of commits, a server that may be down, lie or be behind. */
export class SimGit {
  readonly commits = new Map<string, Commit>()
  head: string | null = null
  /** Answers of the server while it is wrong. */
  problem: Problem | null = null
  /** A mirror that is behind serves this commit. */
  stale: string | null = null
  /** Contents cannot be read: a pack that came in part. */
  isTorn = false
  latencyMs = 5
  private readonly contents = new Map<string, Uint8Array>()
  private readonly entries = new Map<string, SourceTree>()
  private readonly clock: SimClock
  private readonly felt: (fault: FaultId) => void

  constructor(clock: SimClock, felt: (fault: FaultId) => void) {
    this.clock = clock
    this.felt = felt
  }

  commit(files: Files, subject: string, letter = PLAIN_LETTER, parent = this.head): string {
    const sha = hash(`${parent ?? ''} ${subject} ${this.commits.size}`)
    const revision = { ref: 'main', sha, author: 'Ada', committedAtMs: this.clock.nowMs(), subject }
    this.commits.set(sha, { revision, files, parent, letter })
    this.head = sha
    return sha
  }

  heal(): void {
    this.problem = null
    this.stale = null
    this.isTorn = false
    this.latencyMs = 5
  }

  ancestors(sha: string): readonly string[] {
    const chain: string[] = []
    for (let at: string | null = sha; at !== null; at = this.commits.get(at)?.parent ?? null) chain.push(at)
    return chain
  }

  /** The port, as one process has it. */
  portFor(process: SimProcess): Source {
    const answer = async <T>(value: () => Result<T>, latencyMs = 0): Promise<Result<T>> => {
      if (latencyMs > 0) await this.clock.wait(latencyMs)
      return process.gate(value())
    }
    return {
      poll: () => answer(() => this.served(), this.latencyMs),
      revision: (sha) => answer(() => this.revision(sha)),
      tree: (sha) => answer(() => this.tree(sha)),
      read: (oids) => answer(() => this.read(oids)),
      isAncestor: (ancestor, descendant) => answer(() => ok(this.ancestors(descendant).includes(ancestor))),
      news: (question) => answer(() => ok(this.news(question))),
      close: () => Promise.resolve(),
    }
  }

  /** What `sha` has and `since` has not, the newest first. */
  newer(sha: string, since: string | null): readonly string[] {
    const old = new Set(since === null ? [] : this.ancestors(since))
    return since === null ? [sha] : this.ancestors(sha).filter((one) => !old.has(one))
  }

  private news({ sha, since, signed }: NewsQuestion): readonly NewCommit[] {
    return this.newer(sha, since).map((one, index) => {
      const commit = this.commits.get(one)
      return {
        sha: one,
        author: commit?.revision.author ?? '',
        subject: commit?.revision.subject ?? '',
        isRoot: (commit?.parent ?? null) === null,
        trailers: commit?.letter.trailers ?? [],
        signature:
          signed === 'every' || (signed !== null && index === 0) ? verdictOn(commit?.letter ?? PLAIN_LETTER) : null,
        expected: 'Ada',
      }
    })
  }

  private served(): Result<Revision> {
    if (this.problem !== null) return fail(this.problem)
    if (this.stale !== null) this.felt('F45')
    return this.revision(this.stale ?? this.head ?? '')
  }

  private revision(sha: string): Result<Revision> {
    const commit = this.commits.get(sha)
    return commit === undefined
      ? fail({ code: 'GIT_EMPTY', message: 'the repository has no commits' })
      : ok(commit.revision)
  }

  tree(sha: string): Result<SourceTree> {
    const commit = this.commits.get(sha)
    if (commit === undefined) return fail({ code: 'GIT_CORRUPT', message: `no commit ${sha}` })
    const known = this.entries.get(sha)
    if (known !== undefined) return ok(known)
    const entries = [...commit.files]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([path, content]) => {
        const oid = hash(content)
        this.contents.set(oid, new Uint8Array(Buffer.from(content)))
        return [path, { kind: ODD_ENTRIES[content] ?? 'file', oid }] as const
      })
    const tree = { revision: commit.revision, entries: new Map(entries) }
    this.entries.set(sha, tree)
    return ok(tree)
  }

  content(oid: string): Uint8Array | undefined {
    return this.contents.get(oid)
  }

  private read(oids: readonly string[]): Result<ReadonlyMap<string, Uint8Array>> {
    if (this.isTorn) {
      this.felt('F41')
      return fail({ code: 'GIT_CORRUPT', message: 'an object is missing from the pack' })
    }
    return ok(new Map(oids.map((oid) => [oid, this.contents.get(oid) ?? new Uint8Array()])))
  }
}

function verdictOn({ isSigned }: Letter): SignatureVerdict {
  return isSigned ? { kind: 'trusted', signer: 'Ada', names: ['ada'], key: 'SHA256:ada' } : { kind: 'unsigned' }
}

function hash(text: string): string {
  return createHash('sha1').update(text).digest('hex')
}
