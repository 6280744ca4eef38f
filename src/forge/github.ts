import { ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { writeComment } from './comments.js'
import type { ForgeHttp } from './forge-http.js'
import type { Forge } from './ports.js'

/** GitHub's REST API, version 2022-11-28, and Gitea's and Forgejo's, which have the same paths for what is used here. */
export function githubForge(name: string, http: ForgeHttp, project: string): Forge {
  const repo = `/repos/${project.split('/').map(encodeURIComponent).join('/')}`
  return {
    name,
    async setStatus({ sha, state, context, description }, signal) {
      return done(await http.call('POST', `${repo}/statuses/${sha}`, { state, context, description }, signal))
    },
    takesComments: isNumber,
    async isOpen(key, signal) {
      if (!isNumber(key)) return ok(null)
      const found = await http.call('GET', `${repo}/pulls/${encodeURIComponent(key)}`, undefined, signal)
      if (!found.ok) return found.problem.code === 'FORGE_REFUSED' ? ok(false) : found
      return ok((found.value.body as { state?: unknown } | null)?.state === 'open')
    },
    comment(key, marker, body, signal) {
      const paths = {
        all: `${repo}/issues/${encodeURIComponent(key)}/comments`,
        one: (id: number) => `${repo}/issues/comments/${id}`,
        editMethod: 'PATCH',
      } as const
      return writeComment(http, paths, marker, body, signal)
    },
    async propose({ branch, base, title, body }, signal) {
      return done(await http.call('POST', `${repo}/pulls`, { head: branch, base, title, body }, signal))
    },
  }
}

/** Whether a proposal's key is the number of a pull request, and not a part of a branch's name. */
export function isNumber(key: string): boolean {
  return /^\d+$/.test(key)
}

export function done(result: Result<unknown>): Result<void> {
  return result.ok ? ok(undefined) : result
}
