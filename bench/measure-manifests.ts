import { createHash } from 'node:crypto'
import { parse } from 'yaml'
import type { Clock } from '../src/controller/index.js'
import type * as loading from '../src/loading/index.js'
import { sampleOf } from './figures.js'
import type { Figure } from './figures.js'
import { ROOT } from './processes.js'

const STACKS = 100
const SERVICES_EACH = 10
/** Until both sides run compiled: the loader has more code, and is so after eight. */
const WARM_UPS = 10

/** Loading 1,000 services against parsing their files with the YAML library and nothing else, in turn. The loader as the controller has it: what it is handed and what it answers goes to a process and back. */
export async function measureManifests(runs: number, say: (line: string) => void): Promise<readonly Figure[]> {
  say('loading manifests')
  const { processLoader } = (await import(`${ROOT}dist/loading/index.js`)) as typeof loading
  const files = manifests()
  const texts = [...files.values()].map((bytes) => new TextDecoder().decode(bytes))
  const [parsed, loaded, again]: [number[], number[], number[]] = [[], [], []]
  const loader = processLoader({ clock })
  try {
    for (let run = -WARM_UPS; run < runs; run++) {
      const contents = editedIn(files, run)
      const times = [
        await timeOf(() => texts.forEach((text) => void parse(text))),
        await timeOf(() => load(loader, contents)),
        await timeOf(() => load(loader, contents)),
      ] as const
      if (run >= 0) [parsed, loaded, again].forEach((values, at) => values.push(times[at] ?? 0))
    }
  } finally {
    await loader.close()
  }
  const floor = {
    floor: sampleOf(parsed),
    floorIs: 'the same files, parsed with `yaml`',
    group: 'manifests',
    unit: 'ms',
  } as const
  return [
    { ...floor, what: 'load 1,000 service manifests', slipway: sampleOf(loaded), target: 1.5 },
    { ...floor, what: 'load them again, unchanged', slipway: sampleOf(again), target: 0.1 },
  ]
}

const clock: Clock = {
  nowMs: () => performance.now(),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

async function timeOf(work: () => void | Promise<void>): Promise<number> {
  const beganMs = performance.now()
  await work()
  return performance.now() - beganMs
}

type Contents = ReadonlyMap<string, Uint8Array>

/** Every file is another one than before, so that nothing is remembered. */
function editedIn(files: Contents, run: number): Contents {
  const comment = new TextEncoder().encode(`# run ${run}\n`)
  return new Map([...files].map(([path, bytes]) => [path, Buffer.concat([bytes, comment])]))
}

async function load(loader: ReturnType<typeof loading.processLoader>, files: Contents): Promise<void> {
  const oidOf = new Map([...files].map(([path, bytes]) => [path, createHash('sha1').update(bytes).digest('hex')]))
  const entries = new Map([...oidOf].map(([path, oid]) => [path, { kind: 'file' as const, oid }]))
  const blobs = new Map([...files].map(([path, bytes]) => [oidOf.get(path), bytes]))
  const revision = { ref: 'main', sha: 'a'.repeat(40), author: 'bench', committedAtMs: 0, subject: 'everything' }
  for (let round = 0; round < 4; round++) {
    const loaded = await loader.load({ revision, entries }, (oid) => blobs.get(oid), new AbortController().signal)
    if (loaded.kind === 'needs') continue
    if (loaded.kind === 'loaded' && loaded.desired.stacks.every(({ kind }) => kind === 'valid')) return
    throw new Error(`the manifests do not load: ${JSON.stringify(loaded).slice(0, 500)}`)
  }
  throw new Error('the loader asks for ever more')
}

function manifests(): Contents {
  const encoder = new TextEncoder()
  const fleet = 'fleet: bench\nservers:\n  one: { engine: unix:///var/run/docker.sock }\n'
  const files = new Map([['slipway.yaml', encoder.encode(fleet)]])
  for (let stack = 0; stack < STACKS; stack++) {
    const names = Array.from({ length: SERVICES_EACH }, (_, at) => `web-${stack}-${at}`)
    const services = names.map((name, at) => service(name, names[at - 1] ?? null, 10_000 + stack * SERVICES_EACH + at))
    const volumes = names.map((name) => `  data-${name}:\n`)
    files.set(
      `stacks/s${stack}/compose.yaml`,
      encoder.encode(`services:\n${services.join('')}volumes:\n${volumes.join('')}`),
    )
  }
  return files
}

/** What a service of some weight says. */
function service(name: string, needs: string | null, port: number): string {
  return `  ${name}:
    image: registry.example.com/team/${name}:1.4.2
    command: ["serve", "--port", "8080"]
    environment:
      LOG_LEVEL: info
      DATABASE_URL: postgres://db:5432/${name}
      REGION: \${REGION:-eu}
    ports:
      - "${port}:8080"
    volumes:
      - data-${name}:/var/lib/app
${needs === null ? '' : `    depends_on:\n      - ${needs}\n`}    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "-", "http://127.0.0.1:8080/healthz"]
      interval: 10s
      timeout: 3s
      retries: 3
    deploy:
      replicas: 2
      resources:
        limits: { cpus: "0.5", memory: 256m }
      update_config: { parallelism: 1, order: start-first, monitor: 10s }
    restart: unless-stopped
    labels:
      team: core
      tier: web
`
}
