import { Agent, get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

const PAUSE_MS = 20
/** The sample's route to `api`: a canary of it is compared by requests, and there must be some. */
const ORDERS = { path: '/orders', host: 'shop.example.com', pauseMs: 250 }
const PATIENCE_MS = 5_000

/** What visitors of the shop got. */
export interface Visits {
  readonly answered: number
  /** What went wrong, each time. */
  readonly failed: readonly string[]
}

/** Visitors who open the shop and its orders on every server, on kept and on fresh connections. Nobody goes where no address is. */
export interface Visitors {
  /** They come from now on. */
  welcome(): void
  /** What they got so far. */
  visits(): Visits
  end(): Promise<void>
}

export function visitorsOf(urls: readonly string[]): Visitors {
  const kept = new Agent({ keepAlive: true })
  const ending = new AbortController()
  const failed: string[] = []
  let answered = 0
  let all: readonly Promise<void>[] = []
  const visitor = async (url: string, agent: Agent | false, host?: string, pauseMs = PAUSE_MS): Promise<void> => {
    while (!ending.signal.aborted) {
      const answer = await open(url, agent, host)
      if (answer === '200') answered += 1
      else failed.push(`${url}: ${answer}`)
      await sleep(pauseMs)
    }
  }
  return {
    welcome() {
      if (all.length === 0)
        all = urls.flatMap((url) => [
          visitor(url, kept),
          visitor(url, false),
          visitor(`http://${new URL(url).hostname}${ORDERS.path}`, false, ORDERS.host, ORDERS.pauseMs),
        ])
    },
    visits: () => ({ answered, failed: [...failed] }),
    async end() {
      ending.abort()
      await Promise.all(all)
      kept.destroy()
    },
  }
}

/** Its status, or why there was no whole answer. */
function open(url: string, agent: Agent | false, host?: string): Promise<string> {
  return new Promise((resolve) => {
    const call = get(url, { agent, timeout: PATIENCE_MS, headers: host === undefined ? {} : { host } }, (response) => {
      response.resume()
      response.once('end', () => resolve(String(response.statusCode)))
      response.once('error', (error) => resolve(error.message))
    })
    call.once('error', (error) => resolve(error.message))
    call.once('timeout', () => call.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)))
  })
}
