import { parse } from 'yaml'
import type * as manifest from '../src/manifest/index.js'
import type { Loader, ManifestTree } from '../src/manifest/index.js'
import { sampleOf } from './figures.js'
import type { Figure } from './figures.js'
import { ROOT } from './processes.js'

const STACKS = 100
const SERVICES_EACH = 10
/** Until both sides run compiled. */
const WARM_UPS = 3

/** Loading 1,000 services against parsing their files with the YAML library and nothing else, in turn. Both as they are installed. */
export async function measureManifests(runs: number, say: (line: string) => void): Promise<readonly Figure[]> {
  say('loading manifests')
  const { createLoader } = (await import(`${ROOT}dist/manifest/index.js`)) as typeof manifest
  const files = manifests()
  const texts = [...files.values()].map((bytes) => new TextDecoder().decode(bytes))
  const [parsed, loaded, again]: [number[], number[], number[]] = [[], [], []]
  for (let run = -WARM_UPS; run < runs; run++) {
    // The schemas are compiled once in the life of a controller.
    const loader = createLoader()
    const times = [
      timeOf(() => texts.forEach((text) => void parse(text))),
      timeOf(() => load(loader, files)),
      timeOf(() => load(loader, files)),
    ] as const
    if (run >= 0) [parsed, loaded, again].forEach((values, at) => values.push(times[at] ?? 0))
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

function timeOf(work: () => void): number {
  const beganMs = performance.now()
  work()
  return performance.now() - beganMs
}

function load(loader: Loader, files: ReadonlyMap<string, Uint8Array>): void {
  const entries = new Map([...files.keys()].map((path) => [path, { kind: 'file' as const, oid: path }]))
  const revision = { ref: 'main', sha: 'a'.repeat(40), author: 'bench', committedAtMs: 0, subject: 'everything' }
  const tree: ManifestTree = { revision, entries }
  const loaded = loader.load(tree, (oid) => files.get(oid))
  if (loaded.kind !== 'loaded' || loaded.desired.stacks.some(({ kind }) => kind !== 'valid'))
    throw new Error(`the manifests do not load: ${JSON.stringify(loaded).slice(0, 500)}`)
}

function manifests(): ReadonlyMap<string, Uint8Array> {
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
