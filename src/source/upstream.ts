import type { Address, FollowedRef, RemoteAddress } from './address.js'
import { stalled } from './failure.js'
import { httpTransport } from './http-transport.js'
import { copyObjects, listPacks } from './local-copy.js'
import { localRefs, localTip, openLocal } from './local-repository.js'
import type { LocalRepository } from './local-repository.js'
import type { CloneState } from './clone-state.js'
import type { ObjectStore } from './object-store.js'
import type { GitSourceOptions, SourceLimits } from './options.js'
import { remoteRefs, remoteTip } from './remote-refs.js'
import type { ListedRef, Remote } from './remote-refs.js'
import { pushObjects } from './receive-pack.js'
import type { PushRequest } from './receive-pack.js'
import { sshTransport } from './ssh-transport.js'
import { downloadPack } from './upload-pack.js'

/** What bringing objects changes in the clone's state, and how to take them out again when they turn out to be of no use. */
export interface Brought {
  readonly shallow: readonly string[]
  readonly copied: readonly string[]
  readonly undo: () => Promise<void>
}

/** Where objects come from: a server, or a repository on this machine. Everything it brings went through the gate of the store. */
export interface Upstream {
  /** As shown in messages and logs. */
  readonly name: string
  /** The object that the ref names now. */
  tip(ref: FollowedRef, signal: AbortSignal): Promise<string>
  /** Every ref whose full name begins with `prefix`, with the object that it names. */
  refs(prefix: string, signal: AbortSignal): Promise<readonly ListedRef[]>
  bring(oid: string, store: ObjectStore, state: CloneState, signal: AbortSignal): Promise<Brought>
  /** Moves a ref to a new object. Problem: PUSH_REFUSED. */
  push(request: PushRequest, signal: AbortSignal): Promise<void>
  /** Whether the objects that were brought before have been packed anew there, so that fetching on would keep all of them twice. */
  isRepacked(state: CloneState): Promise<boolean>
  close(): void
}

const MAX_HAVES = 32

export function upstreamOf(
  address: Address,
  options: Pick<GitSourceOptions, 'http' | 'ssh'>,
  limits: SourceLimits,
  now: () => number,
): Upstream {
  switch (address.kind) {
    case 'http':
    case 'ssh':
      return remoteUpstream(remoteOf(address, options, limits, now), limits)
    case 'local':
      return localUpstream(address.path, limits)
  }
}

/** The way to a repository on a server. Nothing is contacted yet. */
function remoteOf(
  address: RemoteAddress,
  { http = {}, ssh }: Pick<GitSourceOptions, 'http' | 'ssh'>,
  limits: SourceLimits,
  now: () => number,
): Remote {
  const { maxListingBytes } = limits
  if (address.kind === 'http')
    return {
      transport: httpTransport(address, http, limits, now),
      url: address.url,
      host: address.host,
      maxListingBytes,
    }
  // The library wants an http address; nothing is ever sent to this one.
  return {
    transport: sshTransport(address, ssh, limits),
    url: 'https://ssh.invalid',
    host: address.host,
    maxListingBytes,
  }
}

function remoteUpstream(remote: Remote, limits: SourceLimits): Upstream {
  return {
    name: remote.host,
    tip: (ref, signal) => remoteTip(remote, ref, signal),
    refs: (prefix, signal) => remoteRefs(remote, prefix, signal),
    async bring(oid, store, state, signal) {
      const file = store.incoming()
      const haves = state.revisions.filter((sha) => store.has(sha)).slice(0, MAX_HAVES)
      await downloadPack(remote, { want: oid, haves, file, maxPackBytes: limits.maxPackBytes }, signal)
      return { shallow: [], copied: [], undo: await store.addPack(file, signal) }
    },
    push: (request, signal) => pushObjects(remote, request, signal),
    isRepacked: () => Promise.resolve(false),
    close: () => remote.transport.close(),
  }
}

function localUpstream(path: string, limits: SourceLimits): Upstream {
  let repository: LocalRepository | null = null
  const open = async (): Promise<LocalRepository> => (repository ??= await openLocal(path))
  return {
    name: path,
    async tip(ref) {
      // Looked at anew each time: it may have been moved, cloned again or given alternates.
      repository = null
      return localTip(await open(), ref)
    },
    async refs(prefix) {
      repository = null
      return localRefs(await open(), prefix)
    },
    async bring(_oid, store, state, signal) {
      const opened = await open()
      const copied = await copyObjects(opened, store, state.copied, limits, signal)
      return { shallow: opened.shallow, copied, undo: () => Promise.resolve() }
    },
    push() {
      const remedy = 'follow it over ssh:// or https://, or push by hand'
      return Promise.reject(stalled('PUSH_REFUSED', 'repositories on this machine are only read', remedy))
    },
    async isRepacked(state) {
      const there = new Set((await listPacks(await open())).map(({ name }) => name))
      return state.copied.some((name) => !there.has(name))
    },
    close: () => undefined,
  }
}
