import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { BenchLab } from './bench-lab.js'
import type { Figure, Group } from './figures.js'
import { measureHealing } from './measure-healing.js'
import { measureIngress } from './measure-ingress.js'
import { measureIngressFleet } from './measure-ingress-fleet.js'
import { measureManifests } from './measure-manifests.js'
import { measureMemory } from './measure-memory.js'
import { measureRollouts } from './measure-rollouts.js'
import { measureSimulated } from './measure-simulated.js'
import { measureTick } from './measure-tick.js'
import { measureWebhooks } from './measure-webhooks.js'
import { USAGE, readOptions } from './options.js'
import type { BenchOptions } from './options.js'
import { ROOT } from './processes.js'
import { putBetweenMarkers } from './readme-table.js'
import { describeMachine, formatDays, formatMachine, merge, readResults, writeResults } from './results.js'
import type { Results } from './results.js'
import { formatTable } from './table.js'
import { MONITOR_MS } from './workload.js'

const beganMs = performance.now()

function say(line: string): void {
  console.error(`${((performance.now() - beganMs) / 1000).toFixed(0).padStart(4)} s  ${line}`)
}

async function main(options: BenchOptions): Promise<void> {
  const { groups, out } = options
  if (['tick', 'memory', 'manifests'].some((group) => groups.has(group as Group))) build()
  const engines: string[] = []
  const needsLab = [...groups].some((group) => group !== 'manifests' && group !== 'webhooks')
  const onLab = needsLab ? await measureOnLab(options, engines) : []
  const figures = [...onLab, ...(await measureWithoutLab(options))]
  const now = { at: new Date().toISOString(), runs: options.runs, machine: describeMachine(engines), figures }
  const results = merge(readResults(out), now)
  writeResults(out, results)
  const page = report(results)
  console.log(`\n${page}\n\nwritten to ${out}`)
  if (options.writeReadme) writeReadme(page)
}

async function measureOnLab({ groups, runs }: BenchOptions, engines: string[]): Promise<readonly Figure[]> {
  const bench = await BenchLab.start(say)
  try {
    engines.push(...bench.lab.servers.map((server) => server.engineVersion))
    const found: Figure[] = []
    if (groups.has('deploy') || groups.has('update'))
      found.push(...(await measureRollouts(bench, { runs, updates: groups.has('update'), say })))
    if (groups.has('heal')) found.push(...(await measureHealing(bench, runs, say)))
    if (groups.has('tick')) found.push(...(await measureTick(bench, runs, say)))
    if (groups.has('memory')) found.push(await measureMemory(bench, runs, say))
    if (groups.has('ingress')) found.push(...(await measureIngress(bench, runs, say)))
    return found.filter((figure) => groups.has(figure.group))
  } finally {
    await bench.down()
  }
}

async function measureWithoutLab({ groups, runs }: BenchOptions): Promise<readonly Figure[]> {
  const simulated = groups.has('tick') || groups.has('memory') ? await measureSimulated(runs, groups, say) : []
  const manifests = groups.has('manifests') ? await measureManifests(runs, say) : []
  const webhooks = groups.has('webhooks') ? await measureWebhooks(runs, say) : []
  const ingress = groups.has('ingress') ? await measureIngressFleet(runs, say) : []
  return [...simulated, ...manifests, ...webhooks, ...ingress]
}

/** Memory and CPU are those of the program as it is installed. */
function build(): void {
  say('building dist/')
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' })
  if (status !== 0) throw new Error('npm run build failed; its output above says why')
}

function report({ runs, machine, figures }: Results): string {
  return [
    formatTable(figures),
    '',
    `Medians of ${runs} runs (in brackets the fastest and the slowest), ${formatDays(figures)}, all of it on one machine: ${formatMachine(machine)}.`,
    `Engines, servers and controller share the cores, so read ratios, not milliseconds. Every replica is monitored for ${MONITOR_MS / 1000} s on both sides.`,
    'The floor is the same engine calls sent raw over the same kind of connections, measured in turn with Slipway; `bench/README.md` says how.',
  ].join('\n')
}

function writeReadme(page: string): void {
  const path = `${ROOT}README.md`
  if (!existsSync(path)) throw new Error('there is no README.md to put the table into')
  writeFileSync(path, putBetweenMarkers(readFileSync(path, 'utf8'), page))
  say('README.md has the table')
}

try {
  const args = process.argv.slice(2)
  if (args.includes('--help')) console.log(USAGE)
  else await main(readOptions(args))
} catch (error) {
  console.error(error instanceof Error ? (error.stack ?? error.message) : error)
  process.exitCode = 1
}
