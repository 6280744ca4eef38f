import type { NewCommit, NewsQuestion } from '../controller/index.js'
import type { SignatureVerdict } from '../model/index.js'
import { splitCommit, splitTag, verifySigned } from '../trust/index.js'
import type { AllowedSigners } from '../trust/index.js'
import { checkpoint } from './deadline.js'
import { stalled } from './failure.js'
import type { Commit } from './git-object.js'
import { missing } from './object-store.js'
import type { ObjectStore } from './object-store.js'

const MOST_NEW = 1_000
const MOST_TRAILERS = 20

export interface NewsRoom {
  readonly store: ObjectStore
  /** Commits whose parents are rightly missing. */
  readonly shallow: ReadonlySet<string>
  readonly signers: AllowedSigners
  readonly nowMs: number
  /** The tag that is followed, where one is: what the ref names, not the commit. */
  readonly tagOid: string | null
}

/** What a revision brings, and who signed it. */
export async function readNews(
  room: NewsRoom,
  question: NewsQuestion,
  signal: AbortSignal,
): Promise<readonly NewCommit[]> {
  const { sha, since, signed } = question
  const shas = since === null ? [sha] : await newCommits(room, sha, since, signal)
  const news: NewCommit[] = []
  for (const [index, one] of shas.entries()) {
    checkpoint(signal)
    const { author, subject, parents } = await room.store.commit(one)
    const { content } = await room.store.read(one)
    const isAsked = signed === 'every' || (index === 0 && signed !== null)
    news.push({
      sha: one,
      author,
      subject,
      trailers: trailersOf(content),
      isRoot: parents.length === 0,
      expected: expectedOf(room.signers),
      signature: isAsked ? await (signed === 'tag' ? tagVerdict(room) : commitVerdict(room, content)) : null,
    })
  }
  return news
}

function expectedOf({ ssh, pgp }: AllowedSigners): string {
  const principals = [...new Set(ssh.flatMap((signer) => signer.principals))]
  const some = principals.slice(0, 5).join(', ') + (principals.length > 5 ? ` and ${principals.length - 5} more` : '')
  const keys = pgp.length === 0 ? '' : `${pgp.length} OpenPGP ${pgp.length === 1 ? 'key' : 'keys'}`
  const all = [some, keys].filter((part) => part !== '').join(', ')
  return all === '' ? 'somebody, but no signer is allowed: set SLIPWAY_ALLOWED_SIGNERS_FILE' : all
}

function commitVerdict({ signers, nowMs }: NewsRoom, content: Uint8Array): Promise<SignatureVerdict> {
  return verifySigned(splitCommit(content), signers, nowMs)
}

async function tagVerdict({ store, signers, nowMs, tagOid }: NewsRoom): Promise<SignatureVerdict> {
  if (tagOid === null) return { kind: 'unsigned' }
  const { type, content } = await store.read(tagOid)
  return type === 'tag' ? verifySigned(splitTag(content), signers, nowMs) : { kind: 'unsigned' }
}

/**
 * Walks from both, newest first, and stops when all that is left to walk is known to be old: the cost is that of what is new. Clocks that
 * are wrong can make old commits look new here, never the other way round.
 */
async function newCommits(
  { store, shallow }: NewsRoom,
  sha: string,
  since: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const isOld = new Map([[sha, sha === since]])
  if (store.has(since)) isOld.set(since, true)
  const waiting = await Promise.all([...isOld.keys()].map((oid) => at(store, oid)))
  const seen: string[] = []
  while (waiting.some(({ oid }) => isOld.get(oid) === false)) {
    checkpoint(signal)
    const { oid, commit } = takeNewest(waiting)
    const old = isOld.get(oid) === true
    if (!old && !seen.includes(oid)) seen.push(oid)
    if (seen.length > MOST_NEW) throw tooMany(since)
    for (const parent of commit.parents) {
      const known = isOld.get(parent)
      if (known === old || known === true) continue
      if (!store.has(parent)) {
        if (shallow.has(oid)) continue
        throw missing(parent)
      }
      isOld.set(parent, old)
      waiting.push(await at(store, parent))
    }
  }
  return seen.filter((oid) => isOld.get(oid) === false)
}

interface Waiting {
  readonly oid: string
  readonly commit: Commit
}

async function at(store: ObjectStore, oid: string): Promise<Waiting> {
  return { oid, commit: await store.commit(oid) }
}

function takeNewest(waiting: Waiting[]): Waiting {
  const newest = waiting.reduce((best, one) => (one.commit.committedAtMs > best.commit.committedAtMs ? one : best))
  waiting.splice(waiting.indexOf(newest), 1)
  return newest
}

function tooMany(since: string): Error {
  return stalled(
    'GIT_TOO_LARGE',
    `there are over ${MOST_NEW} commits since the accepted revision ${since.slice(0, 12)}`,
    'push them in smaller steps, or approve the newest',
  )
}

/** As `git interpret-trailers` finds them: in the last paragraph. */
function trailersOf(content: Uint8Array): NewCommit['trailers'] {
  const text = Buffer.from(content).toString('utf8')
  const message = text.slice(text.indexOf('\n\n') + 2).trim()
  const last = message.split(/\n\s*\n/).at(-1) ?? ''
  return last
    .split('\n')
    .flatMap((line) => {
      const match = /^slipway-([a-z-]+)\s*:\s*(.*?)\s*$/i.exec(line)
      return match === null ? [] : [{ name: (match[1] ?? '').toLowerCase(), value: (match[2] ?? '').slice(0, 300) }]
    })
    .slice(0, MOST_TRAILERS)
}
