import { fail, ok } from '../model/index.js'
import { writeComment } from './comments.js'
import type { ForgeHttp } from './forge-http.js'
import { done, isNumber } from './github.js'
import type { Forge, Verdict } from './ports.js'

const STATES: Readonly<Record<Verdict, string>> = { pending: 'pending', success: 'success', failure: 'failed' }

/** GitLab's REST API, version 4. */
export function gitlabForge(http: ForgeHttp, project: string): Forge {
  const root = `/projects/${encodeURIComponent(project)}`
  return {
    name: 'gitlab',
    async setStatus({ sha, state, context, description }, signal) {
      const body = { state: STATES[state], name: context, description }
      const sent = await http.call('POST', `${root}/statuses/${sha}`, body, signal)
      // GitLab refuses to set a status to what it is.
      const isThere = !sent.ok && /cannot transition status/i.test(sent.problem.message)
      if (isThere) return ok(undefined)
      // Somebody else is setting one of the same commit; what is given up here leaves it pending for ever.
      const isLocked = !sent.ok && sent.problem.message.includes(' HTTP 409')
      return isLocked ? fail({ ...sent.problem, code: 'FORGE_UNREACHABLE' }) : done(sent)
    },
    takesComments: isNumber,
    async isOpen(key, signal) {
      if (!isNumber(key)) return ok(null)
      const found = await http.call('GET', `${root}/merge_requests/${encodeURIComponent(key)}`, undefined, signal)
      if (!found.ok) return found.problem.code === 'FORGE_REFUSED' ? ok(false) : found
      return ok((found.value.body as { state?: unknown } | null)?.state === 'opened')
    },
    comment(key, marker, body, signal) {
      const all = `${root}/merge_requests/${encodeURIComponent(key)}/notes`
      const paths = { all, one: (id: number) => `${all}/${id}`, editMethod: 'PUT' } as const
      return writeComment(http, paths, marker, body, signal)
    },
    async propose({ branch, base, title, body }, signal) {
      const request = { source_branch: branch, target_branch: base, title, description: body }
      return done(await http.call('POST', `${root}/merge_requests`, request, signal))
    },
  }
}
