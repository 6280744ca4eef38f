import { join } from 'node:path'
import { compareText, fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { Clock, MeshAuthority } from '../controller/index.js'
import { readKept, senseless, writeKept } from './authority-file.js'
import type { Kept, ServerIssued } from './authority-file.js'
import { issueAuthority, issueServer } from './certificates.js'
import type { Issued } from './certificates.js'

export interface AuthorityOptions {
  /** The data directory; `mesh.json` in it holds all keys. */
  readonly dir: string
  readonly clock: Pick<Clock, 'nowMs'>
}

/** How long an authority is believed before it signs: until then each proxy has been told of it. */
const OVERLAP_MS = 7 * 24 * 3_600_000

/** The fleet's own authority. Reads and writes its file in `renew` alone. */
export function openAuthority(options: AuthorityOptions): MeshAuthority {
  const path = join(options.dir, 'mesh.json')
  let kept: Kept | null = null
  let queue: Promise<unknown> = Promise.resolve()
  const renew = async (fleet: string, servers: readonly string[]): Promise<Result<boolean>> => {
    const before = kept === null ? readKept(path) : ok(kept)
    if (!before.ok) return before
    // Keys that are none are found when somebody signs with them.
    const next = await renewed(before.value, fleet, options.clock.nowMs(), servers).catch(() => null)
    if (next === null) return fail(senseless(path))
    if (next === before.value) {
      const isFirst = kept === null
      kept = next
      return ok(isFirst)
    }
    const written = writeKept(path, next)
    if (!written.ok) return written
    kept = next
    return ok(true)
  }
  return {
    renew(fleet, servers) {
      const turn = queue.then(() => renew(fleet, servers))
      queue = turn.catch(() => undefined)
      return turn
    },
    identity(server) {
      const issued = kept !== null && Object.hasOwn(kept.servers, server) ? kept.servers[server] : undefined
      if (kept === null || issued === undefined) return null
      const authority = kept.authorities.map(({ certificate }) => `${certificate.trim()}\n`).join('')
      return { authority, certificate: `${issued.certificate.trim()}\n${issued.key}` }
    },
  }
}

/** The same object where nothing is due. */
async function renewed(kept: Kept, fleet: string, nowMs: number, servers: readonly string[]): Promise<Kept> {
  const authorities = await renewedAuthorities(kept.authorities, fleet, nowMs)
  const signing = signingOne(authorities, nowMs)
  const names = [...new Set(servers)].sort(compareText)
  const entries: (readonly [string, ServerIssued])[] = []
  for (const name of names) {
    const issued = Object.hasOwn(kept.servers, name) ? kept.servers[name] : undefined
    const isGood =
      issued !== undefined && !isDue(issued, nowMs) && authorities.some(({ certificate }) => certificate === issued.by)
    entries.push([name, isGood ? issued : { ...(await issueServer(name, signing, nowMs)), by: signing.certificate }])
  }
  const isSame =
    authorities === kept.authorities &&
    entries.length === Object.keys(kept.servers).length &&
    entries.every(([name, issued]) => Object.hasOwn(kept.servers, name) && kept.servers[name] === issued)
  return isSame ? kept : { version: 1, authorities, servers: Object.fromEntries(entries) }
}

async function renewedAuthorities(
  authorities: readonly Issued[],
  fleet: string,
  nowMs: number,
): Promise<readonly Issued[]> {
  const alive = authorities.filter(({ untilMs }) => untilMs > nowMs)
  const newest = alive.at(-1)
  if (newest === undefined || isDue(newest, nowMs)) return [...alive, await issueAuthority(fleet, nowMs)]
  return alive.length === authorities.length ? authorities : alive
}

/** The newest that has been believed for long enough; when there is none, the one that everybody knows. */
function signingOne(authorities: readonly Issued[], nowMs: number): Issued {
  const known = authorities.filter(({ fromMs }) => fromMs + OVERLAP_MS <= nowMs)
  const signing = known.at(-1) ?? authorities[0]
  if (signing === undefined) throw new Error('there is always an authority')
  return signing
}

/** Two thirds of its life are over. */
function isDue({ fromMs, untilMs }: Issued, nowMs: number): boolean {
  return nowMs >= fromMs + ((untilMs - fromMs) * 2) / 3
}
