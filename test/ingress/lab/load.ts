import { Agent, request } from 'node:http'

export interface Load {
  readonly answers: ReadonlyMap<string, number>
  /** What went wrong, each time. */
  readonly failures: readonly string[]
  stop(): Promise<void>
}

/** Clients that ask without a pause until they are stopped: kept and fresh connections, GET and POST, quick and slow. */
export function startLoad(port: number, host = '127.0.0.1', good = /^200 /): Load {
  const answers = new Map<string, number>()
  const failures: string[] = []
  let isStopped = false
  const kept = new Agent({ keepAlive: true, maxSockets: 8 })
  const client = async (method: string, path: string, agent: Agent | false): Promise<void> => {
    while (!isStopped) {
      const answer = await ask({ host, port, method, path, agent })
      if (good.test(answer)) answers.set(answer, (answers.get(answer) ?? 0) + 1)
      else failures.push(`${method} ${path} ${agent === false ? 'fresh' : 'kept'}: ${answer}`)
      // An idle connection is what a reload could cut.
      await new Promise((resolve) => setTimeout(resolve, agent === false ? 2 : Math.random() * 20))
    }
  }
  const clients = [
    client('GET', '/', kept),
    client('GET', '/', kept),
    client('POST', '/', kept),
    client('POST', '/', kept),
    client('GET', '/slow', kept),
    client('POST', '/slow', kept),
    client('GET', '/', false),
    client('POST', '/', false),
    client('GET', '/slow', false),
  ]
  return {
    answers,
    failures,
    async stop() {
      isStopped = true
      await Promise.all(clients)
      kept.destroy()
    },
  }
}

export interface Asked {
  readonly host: string
  readonly port: number
  readonly method?: string
  readonly path?: string
  readonly agent?: Agent | false
  readonly headers?: Readonly<Record<string, string>>
}

/** `200 body`, or what went wrong. */
export function ask({ method = 'GET', path = '/', agent = false, ...where }: Asked): Promise<string> {
  return new Promise((resolve) => {
    const call = request({ ...where, method, path, agent, timeout: 10_000 }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('error', (error) => resolve(error.message))
      response.on('end', () => resolve(`${response.statusCode} ${body.trim()}`))
    })
    call.on('error', (error) => resolve(error.message))
    call.on('timeout', () => call.destroy(new Error('no answer within 10 s')))
    call.end(method === 'POST' ? 'body' : undefined)
  })
}

/** How many of so many requests each answered. */
export async function answersOf(count: number, one: () => Promise<string>): Promise<Readonly<Record<string, number>>> {
  const answers: Record<string, number> = {}
  for (let at = 0; at < count; at += 1) {
    const answer = await one()
    answers[answer] = (answers[answer] ?? 0) + 1
  }
  return answers
}
