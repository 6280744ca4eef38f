import type { Problem, Result, Revision } from '../model/index.js'
import type { Source } from './ports.js'

/** A change that somebody proposes, as Git alone shows it. */
export interface Proposal {
  /** What the pattern's `*` stands for: `17` of `refs/pull/17/head`. */
  readonly key: string
  readonly ref: string
  readonly head: string
}

/** What a branch would be with a change in it. */
export interface Merge {
  /** Its files, as a source whose one revision is the change's. */
  readonly source: Source
  /** The branch has the change already. */
  readonly isContained: boolean
}

export interface Commit {
  readonly revision: Revision
  /** The first 16,384 characters. */
  readonly message: string
  readonly parents: readonly string[]
  /** The object id of the followed folder; null where the commit has none. Equal ids, equal files. */
  readonly folder: string | null
}

/** A commit that takes a change back. */
export interface UndoRequest {
  /** What it stands on. */
  readonly tip: Revision
  /** The change: what `from` has that `to` had not. */
  readonly from: string
  readonly to: string
  /** Folders inside the followed one, each with a slash at the end; null: all of it. */
  readonly within: readonly string[] | null
  readonly message: string
  readonly author: { readonly name: string; readonly email: string }
  readonly atMs: number
}

/** Made, and nowhere but in memory. The same request makes the same commit. */
export interface Undone {
  readonly sha: string
  /** Changed paths inside the followed folder, sorted. Empty: there is nothing to take back. */
  readonly paths: readonly string[]
  /**
   * Sends it and moves `ref` to it, if that still names `expected` (null: does not exist). Never by force. Problems: PUSH_REFUSED, GIT_*.
   */
  push(ref: string, expected: string | null, signal: AbortSignal): Promise<Result<void>>
}

/**
 * Commits beside the followed one, in a clone of their own: what anybody may propose neither fills nor breaks the clone that is followed.
 * Only read; nothing here is rolled out. Problems: GIT_*.
 */
export interface Workshop {
  /** Refs that match a pattern with one `*` (such as that of pull requests on GitHub), by key. */
  proposals(patterns: readonly string[], signal: AbortSignal): Promise<Result<readonly Proposal[]>>
  /**
   * Brings a branch, a tag, any ref by its full name, or a commit, and verifies it. `HEAD` is the followed ref; 7 or more digits name a commit of
   * its history.
   */
  bring(name: string, signal: AbortSignal): Promise<Result<Revision>>
  /** The files of a commit that was brought, as a source whose one revision it is. */
  at(revision: Revision): Source
  /** Three-way merge of two commits that were brought, written nowhere. Problems: MERGE_CONFLICT, one a file. */
  merge(base: Revision, head: Revision, signal: AbortSignal): Promise<Result<Merge, readonly Problem[]>>
  /** A commit that was brought, or one of its ancestors. */
  commit(sha: string, signal: AbortSignal): Promise<Result<Commit>>
  /** Three-way: what others changed since stays. Problems: MERGE_CONFLICT, one a file. */
  undo(request: UndoRequest, signal: AbortSignal): Promise<Result<Undone, readonly Problem[]>>
  close(): Promise<void>
}
