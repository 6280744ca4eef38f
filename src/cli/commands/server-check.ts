import type { Driver } from '../../controller/index.js'
import type { Listing, Problem, Result, Server } from '../../model/index.js'
import { EXIT } from '../exit-code.js'
import { usage } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { desiredOf, withSource } from '../preview.js'
import { counted, formatReasonLines } from '../show/words.js'

interface Check {
  readonly server: string
  readonly address: string
  readonly elapsedMs: number
  readonly looked: Result<Listing>
}

/** Looks at each server as the controller would: address, host key, login, engine. Changes nothing there. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, format, io, settings, parts } = invocation
  const folder = typeof options.folder === 'string' ? options.folder : null
  const desired = await withSource(invocation, folder, (source) => desiredOf(invocation, source, null))
  const servers = chosen(desired.fleet.servers, args)
  const driver = await parts.openDriver(settings, () => undefined)
  try {
    driver.use(desired.fleet.name, servers)
    const checks = await Promise.all(servers.map((server) => check(invocation, driver, server)))
    if (format === 'json') io.out(`${JSON.stringify(checks.map(asJson), null, 2)}\n`)
    else io.out(checks.flatMap((one) => lines(one, invocation)).join('\n') + '\n')
    return checks.every(({ looked }) => looked.ok) ? EXIT.ok : EXIT.failure
  } finally {
    await driver.close()
  }
}

function chosen(servers: readonly Server[], names: readonly string[]): readonly Server[] {
  const unknown = names.find((name) => !servers.some((server) => server.name === name))
  if (unknown !== undefined) {
    throw usage(`there is no server ${unknown}; there are ${servers.map(({ name }) => name).join(', ') || 'none'}`)
  }
  return names.length === 0 ? servers : servers.filter(({ name }) => names.includes(name))
}

async function check({ io }: Invocation, driver: Driver, server: Server): Promise<Check> {
  const startedAtMs = io.nowMs()
  const looked = await driver.observe(server.name, [], io.interrupted)
  return { server: server.name, address: addressOf(server), elapsedMs: io.nowMs() - startedAtMs, looked }
}

function addressOf({ address }: Server): string {
  if (address.kind === 'local') return `unix://${address.socketPath}`
  return `ssh://${address.user}@${address.host}:${address.port}`
}

function lines({ server, address, elapsedMs, looked }: Check, { colors }: Invocation): readonly string[] {
  const head = (mark: string): string => `${mark} ${colors.bold(server)}  ${address}`
  if (!looked.ok) return [head(colors.red('✗')), ...reasons(looked.problem).map((line) => `    ${line}`)]
  const { facts, replicas, foreign } = looked.value
  const memory = `${(facts.memoryBytes / 2 ** 30).toFixed(1)} GiB`
  return [
    head(colors.green('✓')),
    `    Docker ${facts.engineVersion}, API ${facts.apiVersion}, ${facts.os}/${facts.arch}, ${counted(facts.cpus, 'CPU')}, ${memory}`,
    `    ${counted(replicas.length, 'replica')} of this fleet, ${counted(foreign.length, 'other container')}; looked at in ${elapsedMs} ms`,
  ]
}

/** Whoever asks once is not served by a later try. */
function reasons({ next, ...problem }: Problem): readonly string[] {
  return formatReasonLines(next === undefined || next.kind === 'retry' ? problem : { ...problem, next })
}

function asJson({ server, address, elapsedMs, looked }: Check): {
  readonly server: string
  readonly address: string
  readonly ok: boolean
  readonly elapsedMs: number
  readonly engine?: Listing['facts']
  readonly problem?: Problem
} {
  return looked.ok
    ? { server, address, ok: true, elapsedMs, engine: looked.value.facts }
    : { server, address, ok: false, elapsedMs, problem: looked.problem }
}
