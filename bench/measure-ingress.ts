import { fleetFile } from '../test/e2e/manifests.js'
import { HAPROXY_IMAGE, ensurePackages } from '../test/lab/index.js'
import { ALONE, ASKED, PORT, ROUTE_HOST, SERVICES, balancedStack } from './balanced-stack.js'
import type { BenchLab } from './bench-lab.js'
import { sampleOf } from './figures.js'
import type { Figure } from './figures.js'
import { readAll, sendJson } from './raw-server.js'

const STACK = 'balanced'
const CLIENTS = 16
const SECONDS = 1
const ROUNDS_EACH = 4
/** A local hop, of HAProxy alone. */
const TARGET = 1.05
const DEADLINE_MS = 60_000

/** A way from the clients to a replica. */
interface Way {
  readonly name: string
  readonly url: string
  readonly host?: string
  /** What its CPU is counted of. */
  readonly proxies: readonly Process[]
}

/** By its number on its server. */
interface Process {
  readonly server: string
  readonly pid: number
}

interface Round {
  /** For a thousand requests. */
  readonly wallMs: number
  readonly cpuMs: number
}

/**
 * How long a thousand requests take through the proxies, with one replica on the server that is asked and with one on another: against HAProxy alone,
 * with a file that a person would write, on the same server in the same image, and against the replica itself.
 */
export async function measureIngress(
  bench: BenchLab,
  runs: number,
  say: (line: string) => void,
): Promise<readonly Figure[]> {
  await ensurePackages({ wrk: '/usr/bin/wrk' }, say)
  say('proxies, and HAProxy alone beside them')
  const ways = await raise(bench)
  const rounds = new Map<string, Round[]>(ways.map(({ name }) => [name, []]))
  for (let round = -1; round < runs * ROUNDS_EACH; round += 1) {
    if (round >= 0) say(`requests, round ${round + 1} of ${runs * ROUNDS_EACH}`)
    // Whoever comes first finds the caches of whoever was last.
    for (const way of round % 2 === 0 ? ways : [...ways].reverse()) {
      const one = await ask(bench, way)
      if (round >= 0) rounds.get(way.name)?.push(one)
    }
  }
  return figuresOf((name) => rounds.get(name) ?? [])
}

function figuresOf(of: (name: string) => readonly Round[]): readonly Figure[] {
  const compared = (unit: keyof Round, [way, what]: readonly [string, string], floor: keyof typeof FLOORS): Figure => {
    const sample = (name: string) => sampleOf(of(name).map((round) => round[unit]))
    return {
      group: 'ingress',
      what: `1,000 requests, ${what}${unit === 'cpuMs' ? ': CPU of the proxies' : ''}`,
      unit: 'ms',
      slipway: sample(way),
      floor: sample(floor),
      floorIs: FLOORS[floor],
      target: way === 'near' || way === 'wire' ? (floor === 'straight' ? null : TARGET) : null,
    }
  }
  const near = ['near', 'published port, replica here'] as const
  const wire = ['wire', 'published port, TCP, replica here'] as const
  const route = ['route', 'route, replica here'] as const
  const far = ['far', 'published port, replica on another server, by TLS'] as const
  return [
    compared('wallMs', near, 'straight'),
    compared('wallMs', near, 'alone'),
    compared('cpuMs', near, 'alone'),
    compared('wallMs', near, 'same'),
    compared('cpuMs', near, 'same'),
    compared('wallMs', wire, 'alone-tcp'),
    compared('cpuMs', wire, 'alone-tcp'),
    compared('wallMs', route, 'same'),
    compared('cpuMs', route, 'same'),
    compared('wallMs', far, 'same'),
    compared('cpuMs', far, 'same'),
  ]
}

const FLOORS = {
  straight: 'the replica itself',
  alone: 'HAProxy alone, forwarding',
  same: 'HAProxy alone, doing the same',
  'alone-tcp': 'HAProxy alone, TCP',
} as const

/** Brings up replicas and HAProxy alone; the ways to them. */
async function raise(bench: BenchLab): Promise<readonly Way[]> {
  const { lab, repository } = bench
  const fleet = fleetFile(lab, {
    guards: { prune: '100%', allow: ['host_network'] },
    ingress: { image: HAPROXY_IMAGE },
  })
  const path = `stacks/${STACK}/compose.yaml`
  await repository.commit({ 'slipway.yaml': fleet, [path]: balancedStack(null) }, 'those that answer')
  const slipway = await bench.slipway()
  try {
    const [near, wire] = [await addressOf(bench, 'near'), await addressOf(bench, 'wire')]
    await repository.commit({ [path]: balancedStack({ near, wire }) }, 'HAProxy alone')
    await slipway.rollOut(STACK)
    await slipway.quiet()
    const own = await pidOf(bench, ASKED, 'slipway', 'proxy')
    const alone = await pidOf(bench, ASKED, STACK, 'alone')
    const other = await pidOf(bench, SERVICES.far.server, 'slipway', 'proxy')
    const at = (port: number): string => `http://${lab.server(ASKED).address}:${port}/`
    const ways: readonly Way[] = [
      { name: 'straight', url: `http://${near}:${PORT}/`, proxies: [] },
      { name: 'alone', url: at(ALONE.plain), proxies: [alone] },
      { name: 'same', url: at(ALONE.same), proxies: [alone] },
      { name: 'near', url: at(SERVICES.near.published), proxies: [own] },
      { name: 'alone-tcp', url: at(ALONE.tcp), proxies: [alone] },
      { name: 'wire', url: at(SERVICES.wire.published), proxies: [own] },
      { name: 'route', url: at(80), host: ROUTE_HOST, proxies: [own] },
      { name: 'far', url: at(SERVICES.far.published), proxies: [own, other] },
    ]
    for (const way of ways) await answers(bench, way)
    return ways
  } finally {
    // Without a controller the proxies go on, and nothing else takes of the cores.
    await slipway.stop()
  }
}

interface Listed {
  readonly Id: string
  readonly NetworkSettings: { readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>> }
}

async function addressOf(bench: BenchLab, service: 'near' | 'wire'): Promise<string> {
  const { NetworkSettings } = await containerOf(bench, SERVICES[service].server, STACK, service)
  const [address] = Object.values(NetworkSettings.Networks).map(({ IPAddress }) => IPAddress)
  if (address === undefined || address === '') throw new Error(`${service} has no address`)
  return address
}

async function pidOf(bench: BenchLab, server: string, stack: string, service: string): Promise<Process> {
  const { Id } = await containerOf(bench, server, stack, service)
  const answer = await engine<{ readonly State: { readonly Pid: number } }>(bench, server, `/containers/${Id}/json`)
  return { server, pid: answer.State.Pid }
}

async function containerOf(bench: BenchLab, server: string, stack: string, service: string): Promise<Listed> {
  const label = [`com.docker.compose.project=${stack}`, `com.docker.compose.service=${service}`]
  const path = `/containers/json?filters=${encodeURIComponent(JSON.stringify({ label }))}`
  const [found] = await engine<Listed[]>(bench, server, path)
  if (found === undefined) throw new Error(`no container of ${stack}/${service} on ${server}`)
  return found
}

async function engine<T>({ lab }: BenchLab, server: string, path: string): Promise<T> {
  const { socketPath } = lab.server(server)
  const { body } = await readAll(await sendJson({ socketPath }, 'GET', path))
  return JSON.parse(body.toString('utf8')) as T
}

/** Waits until a way leads to a replica. */
async function answers(bench: BenchLab, way: Way): Promise<void> {
  const endMs = performance.now() + DEADLINE_MS
  for (;;) {
    const why = await load(bench, way, 1).then(
      () => null,
      (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
    )
    if (why === null) return
    if (performance.now() > endMs) throw why
  }
}

async function ask(bench: BenchLab, way: Way): Promise<Round> {
  const before = await cpuMs(bench, way)
  const { requests, perSecond } = await load(bench, way, SECONDS)
  const used = (await cpuMs(bench, way)) - before
  return { wallMs: 1e6 / perSecond, cpuMs: (used * 1_000) / requests }
}

/** CPU that its proxies and what they started have used so far. */
async function cpuMs({ lab }: BenchLab, { proxies }: Way): Promise<number> {
  const read = 'for p in $1 $(cat "/proc/$1/task/$1/children"); do cat /proc/$p/task/*/schedstat; done'
  const texts = await Promise.all(
    proxies.map(({ server, pid }) => lab.server(server).run('sh', '-c', read, 'sh', String(pid))),
  )
  const threads = texts.flatMap((text) => text.trim().split('\n'))
  return threads.reduce((sum, line) => sum + Number(line.split(' ')[0]), 0) / 1e6
}

/** Clients on the server that is asked, on kept connections, each with its next request as soon as it has its answer. Throws where one failed. */
async function load(
  { lab }: BenchLab,
  { url, host }: Way,
  seconds: number,
): Promise<{ readonly requests: number; readonly perSecond: number }> {
  const header = host === undefined ? [] : ['-H', `Host: ${host}`]
  const said = await lab.server(ASKED).run('wrk', '-t', '1', '-c', String(CLIENTS), '-d', `${seconds}s`, ...header, url)
  const number = (pattern: RegExp): number => Number(pattern.exec(said)?.[1] ?? 0)
  const [requests, perSecond] = [number(/([0-9]+) requests in/), number(/Requests\/sec: +([0-9.]+)/)]
  if (requests === 0 || /Non-2xx|Socket errors/.test(said)) throw new Error(`${url}: not all are answered: ${said}`)
  return { requests, perSecond }
}
