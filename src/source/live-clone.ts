import { rm } from 'node:fs/promises'
import type { LogEvent } from '../controller/index.js'
import { accept, bringInto, cloneAnew, openClone } from './clone.js'
import type { Accepted, Clone, CloneRoom } from './clone.js'
import { loadState } from './clone-state.js'
import { checkpoint } from './deadline.js'
import { GitFailure, settle } from './failure.js'
import type { Upstream } from './upstream.js'

export type SourceLog = (level: LogEvent['level'], message: string, fields: LogEvent['fields']) => void

/** The clone that is in use, and how it moves on: as it is, by a fetch, or replaced as a whole. */
export class LiveClone {
  readonly #upstream: Upstream
  readonly #room: CloneRoom
  readonly #log: SourceLog
  #opening: Promise<Clone | null> | null = null
  #clone: Clone | null = null
  #isSuspect = false
  /** Clones that were replaced, kept until the next move because somebody may still be reading them. */
  #replaced: readonly string[] = []

  constructor(upstream: Upstream, room: CloneRoom, log: SourceLog) {
    this.#upstream = upstream
    this.#room = room
    this.#log = log
  }

  async current(): Promise<Clone | null> {
    this.#opening ??= openClone(this.#room)
    try {
      const found = await this.#opening
      this.#clone ??= found
    } catch (error) {
      this.#opening = null
      throw error
    }
    return this.#clone
  }

  /** Whether something in it that was verified once cannot be read any more. */
  async isBroken(): Promise<boolean> {
    const clone = await this.current()
    return clone === null || this.#isSuspect || clone.store.isDamaged()
  }

  /** Runs `work` on a clone; what it finds to be missing or wrong there makes the next poll clone anew. */
  async watch<T>(clone: Clone, work: (clone: Clone) => Promise<T>): Promise<T> {
    try {
      return await work(clone)
    } catch (error) {
      if (error instanceof GitFailure && error.problem.code === 'GIT_CORRUPT' && clone === this.#clone)
        this.#isSuspect = true
      throw error
    }
  }

  /** Brings in and verifies what the ref names now. Returns its commit. */
  async follow(oid: string, signal: AbortSignal): Promise<string> {
    await this.#removeReplaced()
    const clone = await this.#newest()
    if (clone === null || (await this.isBroken())) return this.#renew(clone, oid, signal)
    const { store, state } = clone
    if (store.has(oid)) {
      const here = await settle(() => this.watch(clone, () => accept(clone, oid, this.#room, signal)))
      if (here.ok) return this.#adopt(here.value)
      if (!this.#isSuspect) throw new GitFailure(here.problem.code, here.problem.message, here.problem.next)
      return this.#renew(clone, oid, signal)
    }
    if (!state.revisions.some((sha) => store.has(sha))) return this.#renew(clone, oid, signal)
    return (await this.#renewWhenWorn(clone, oid, signal)) ?? this.#fetch(clone, oid, signal)
  }

  /** Another process may have replaced the clone on disk (a command beside the controller): then that is the one. */
  async #newest(): Promise<Clone | null> {
    const clone = await this.current()
    const state = await loadState(this.#room.dir)
    if (state === null || state.clone === clone?.state.clone) return clone
    this.#opening = null
    this.#clone = null
    this.#isSuspect = false
    return this.current()
  }

  async #fetch(clone: Clone, oid: string, signal: AbortSignal): Promise<string> {
    const brought = await bringInto(clone, oid, this.#upstream, signal)
    try {
      const fetched = await this.watch(clone, () => accept(brought.clone, oid, this.#room, signal))
      this.#log('info', 'git fetched', { sha: fetched.sha, fetches: fetched.clone.state.fetches })
      return this.#adopt(fetched)
    } catch (error) {
      await brought.undo()
      throw error
    }
  }

  /** Null when it is not due, or failed: then the clone that is there goes on. */
  async #renewWhenWorn(clone: Clone, oid: string, signal: AbortSignal): Promise<string | null> {
    const { state } = clone
    const isDue = state.fetches > 0 && state.fetches % this.#room.limits.maxFetches === 0
    if (!isDue && !(await this.#upstream.isRepacked(state))) return null
    const renewed = await settle(() => this.#renew(clone, oid, signal))
    if (renewed.ok) return renewed.value
    checkpoint(signal)
    this.#log('warn', 'git clone could not be renewed', { problem: renewed.problem.message })
    return null
  }

  async #renew(old: Clone | null, oid: string, signal: AbortSignal): Promise<string> {
    const renewed = await cloneAnew(old, oid, this.#upstream, this.#room, signal)
    this.#isSuspect = false
    if (old !== null) this.#replaced = [...this.#replaced, old.store.dir]
    for (const sha of renewed.lost) this.#log('warn', 'git revision no longer readable', { sha })
    this.#log('info', 'git cloned', { sha: renewed.sha })
    return this.#adopt(renewed)
  }

  async #removeReplaced(): Promise<void> {
    for (const dir of this.#replaced) await rm(dir, { recursive: true, force: true })
    this.#replaced = []
  }

  #adopt({ clone, sha }: Accepted): string {
    this.#clone = clone
    return sha
  }
}
