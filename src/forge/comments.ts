import { ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { ForgeHttp } from './forge-http.js'

const PAGE = 100
/** Comments are looked through this far for ours; beyond, a new one is made. */
const PAGES_MAX = 10

export interface CommentPaths {
  /** Lists and makes. */
  readonly all: string
  readonly one: (id: number) => string
  readonly editMethod: 'PATCH' | 'PUT'
}

/** Edits the comment that begins with `marker`, or makes it. */
export async function writeComment(
  http: ForgeHttp,
  paths: CommentPaths,
  marker: string,
  body: string,
  signal: AbortSignal,
): Promise<Result<void>> {
  const found = await findComment(http, paths.all, marker, signal)
  if (!found.ok) return found
  const sent =
    found.value === null
      ? await http.call('POST', paths.all, { body }, signal)
      : await http.call(paths.editMethod, paths.one(found.value), { body }, signal)
  return sent.ok ? ok(undefined) : sent
}

async function findComment(
  http: ForgeHttp,
  path: string,
  marker: string,
  signal: AbortSignal,
): Promise<Result<number | null>> {
  for (let page = 1; page <= PAGES_MAX; page += 1) {
    const listed = await http.call('GET', `${path}?per_page=${PAGE}&limit=${PAGE}&page=${page}`, undefined, signal)
    if (!listed.ok) return listed
    const comments = Array.isArray(listed.value.body) ? (listed.value.body as readonly unknown[]) : []
    const ours = comments.find((comment) => isOurs(comment, marker)) as { readonly id: number } | undefined
    if (ours !== undefined) return ok(ours.id)
    if (comments.length < PAGE) break
  }
  return ok(null)
}

function isOurs(comment: unknown, marker: string): boolean {
  const { id, body } = (comment ?? {}) as { id?: unknown; body?: unknown }
  return typeof id === 'number' && typeof body === 'string' && body.startsWith(marker)
}
