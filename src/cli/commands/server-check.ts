import type { Driver, Examiner, ServerCondition } from '../../controller/index.js'
import type { Listing, Problem, Result, Server } from '../../model/index.js'
import { chosenServers } from '../chosen-servers.js'
import { EXIT } from '../exit-code.js'
import type { Invocation } from '../invocation.js'
import { desiredOf, withSource } from '../preview.js'
import { counted, formatReasonLines, formatSpan } from '../show/words.js'

interface Check {
  readonly server: string
  readonly address: string
  readonly elapsedMs: number
  readonly looked: Result<Listing>
  /** Null: it could not even be listed. */
  readonly condition: Result<ServerCondition> | null
}

/** Looks at each server as the controller would: address, host key, login, engine; then at its clock and its disk. Changes nothing there. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, format, io, settings, parts } = invocation
  const folder = typeof options.folder === 'string' ? options.folder : null
  const desired = await withSource(invocation, folder, (source) => desiredOf(invocation, source))
  const servers = chosenServers(desired.fleet.servers, args)
  const driver = await parts.openDriver(settings, () => undefined)
  try {
    driver.use(desired.fleet.name, servers)
    const checks = await Promise.all(servers.map((server) => check(invocation, driver, server)))
    if (format === 'json') io.out(`${JSON.stringify(checks.map(asJson), null, 2)}\n`)
    else io.out(checks.flatMap((one) => lines(one, invocation)).join('\n') + '\n')
    return checks.every(({ looked, condition }) => looked.ok && condition?.ok === true) ? EXIT.ok : EXIT.failure
  } finally {
    await driver.close()
  }
}

async function check({ io }: Invocation, driver: Driver & Examiner, server: Server): Promise<Check> {
  const startedAtMs = io.nowMs()
  const looked = await driver.observe(server.name, [], io.interrupted)
  const elapsedMs = io.nowMs() - startedAtMs
  const condition = looked.ok ? await driver.examine(server.name, io.interrupted) : null
  return { server: server.name, address: addressOf(server), elapsedMs, looked, condition }
}

function addressOf({ address }: Server): string {
  if (address.kind === 'local') return `unix://${address.socketPath}`
  return `ssh://${address.user}@${address.host}:${address.port}`
}

function lines(check: Check, { colors }: Invocation): readonly string[] {
  const { server, address, elapsedMs, looked, condition } = check
  const head = (mark: string): string => `${mark} ${colors.bold(server)}  ${address}`
  if (!looked.ok) return [head(colors.red('✗')), ...reasons(looked.problem).map((line) => `    ${line}`)]
  const { facts, replicas, foreign } = looked.value
  return [
    head(colors.green('✓')),
    `    Docker ${facts.engineVersion}, API ${facts.apiVersion}, ${facts.os}/${facts.arch}, ${counted(facts.cpus, 'CPU')}, ${gib(facts.memoryBytes)}`,
    `    ${counted(replicas.length, 'replica')} of this fleet, ${counted(foreign.length, 'other container')}; looked at in ${elapsedMs} ms`,
    ...(condition === null ? [] : conditionLines(condition).map((line) => `    ${line}`)),
  ]
}

/** What is left below this is worth a warning: an image of a GiB and its layers would not fit. */
const LOW_DISK_BYTES = 2 * 2 ** 30
const LOW_DISK_SHARE = 0.1
/** Beyond what machines that keep time differ by. */
const CLOCK_TOLERANCE_MS = 2_000

function conditionLines(condition: Result<ServerCondition>): readonly string[] {
  if (!condition.ok) return reasons(condition.problem)
  const { clockAheadMs, disk } = condition.value
  return [diskLine(disk), ...clockLines(clockAheadMs)]
}

function diskLine(disk: ServerCondition['disk']): string {
  if ('problem' in disk) return `disk: nobody can say how much is free: ${disk.problem}`
  const { path, freeBytes, totalBytes } = disk
  const text = `${gib(freeBytes)} of ${gib(totalBytes)} free at ${path}`
  const isLow = freeBytes < LOW_DISK_BYTES || freeBytes < totalBytes * LOW_DISK_SHARE
  return isLow ? `warning: only ${text}: images will not fit; docker image prune makes room` : text
}

function clockLines(aheadMs: number | null): readonly string[] {
  if (aheadMs === null || Math.abs(aheadMs) <= CLOCK_TOLERANCE_MS) return []
  const direction = aheadMs > 0 ? 'ahead of' : 'behind'
  const advice = 'certificates and times of logs will be wrong; let both keep time (timedatectl set-ntp true)'
  return [`warning: its clock is ${formatSpan(Math.abs(aheadMs))} ${direction} this machine's: ${advice}`]
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB`
}

/** Whoever asks once is not served by a later try. */
function reasons({ next, ...problem }: Problem): readonly string[] {
  return formatReasonLines(next === undefined || next.kind === 'retry' ? problem : { ...problem, next })
}

function asJson({ server, address, elapsedMs, looked, condition }: Check): {
  readonly server: string
  readonly address: string
  readonly ok: boolean
  readonly elapsedMs: number
  readonly engine?: Listing['facts']
  readonly condition?: ServerCondition
  readonly problem?: Problem
} {
  if (!looked.ok) return { server, address, ok: false, elapsedMs, problem: looked.problem }
  const engine = looked.value.facts
  if (condition === null || !condition.ok)
    return {
      server,
      address,
      ok: false,
      elapsedMs,
      engine,
      ...(condition === null ? {} : { problem: condition.problem }),
    }
  return { server, address, ok: true, elapsedMs, engine, condition: condition.value }
}
