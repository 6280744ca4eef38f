import { ok } from '../model/index.js'
import type { ForgeHttp } from './forge-http.js'
import { done } from './github.js'
import type { Forge } from './ports.js'

/** Any receiver of JSON: one POST a message, signed. It cannot be asked, so every proposal counts as open. */
export function webhookForge(http: ForgeHttp, project: string): Forge {
  const send = async (kind: string, content: object, signal: AbortSignal): ReturnType<Forge['setStatus']> =>
    done(await http.call('POST', '', { kind, project, ...content }, signal))
  return {
    name: 'webhook',
    setStatus: (status, signal) => send('status', status, signal),
    takesComments: () => true,
    isOpen: () => Promise.resolve(ok(null)),
    comment: (key, marker, body, signal) => send('comment', { key, marker, body }, signal),
    propose: (request, signal) => send('pull-request', request, signal),
  }
}
