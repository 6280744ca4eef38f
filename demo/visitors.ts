import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const PAUSE_MS = 20
const PATIENCE_MS = 5_000

/** What visitors of the shop got. */
export interface Visits {
  readonly answered: number
  /** What went wrong, each time. */
  readonly failed: readonly string[]
}

/**
 * While something is done, visitors open the shop on every server, one page after another on kept and on fresh connections. Nobody goes where no
 * address is.
 */
export async function visitedWhile<T>(
  urls: readonly string[],
  work: () => Promise<T>,
): Promise<{ readonly result: T; readonly visits: Visits }> {
  const kept = new Agent({ keepAlive: true })
  const ending = new AbortController()
  const failed: string[] = []
  let answered = 0
  const visitor = async (url: string, agent: Agent | false): Promise<void> => {
    while (!ending.signal.aborted) {
      const answer = await open(url, agent)
      if (answer === '200') answered += 1
      else failed.push(`${url}: ${answer}`)
      await sleep(PAUSE_MS)
    }
  }
  const all = urls.flatMap((url) => [visitor(url, kept), visitor(url, false)])
  try {
    const result = await work()
    return { result, visits: { answered, failed } }
  } finally {
    ending.abort()
    await Promise.all(all)
    kept.destroy()
  }
}

/** Its status, or why there was no whole answer. */
function open(url: string, agent: Agent | false): Promise<string> {
  return new Promise((resolve) => {
    const call = get(url, { agent, timeout: PATIENCE_MS }, (response) => {
      response.resume()
      response.once('end', () => resolve(String(response.statusCode)))
      response.once('error', (error) => resolve(error.message))
    })
    call.once('error', (error) => resolve(error.message))
    call.once('timeout', () => call.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)))
  })
}
