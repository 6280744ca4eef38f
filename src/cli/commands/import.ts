import { OTHER_REVISION, OTHER_SPEC, adoptedName, formatLimits, specHash } from '../../model/index.js'
import type { Desired, Listing, NetworkSpec, Result, Stack } from '../../model/index.js'
import type { Adopter, AdoptionAnswer } from '../../controller/index.js'
import { canUpdateInPlace, planAdoption } from '../../planner/index.js'
import type { Adoptee, AdoptionPlan } from '../../planner/index.js'
import { chosenServers } from '../chosen-servers.js'
import { EXIT } from '../exit-code.js'
import { CommandError, usage } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { namedContainers } from '../named-containers.js'
import { restartFor } from '../import-report.js'
import type { ImportReport, Imported } from '../import-report.js'
import { desiredOf, withSource } from '../preview.js'
import { formatImport, importToJson } from '../show/import.js'

/** Takes over what `docker compose` runs of a project that the repository has as a stack, and containers that are named. Without `--yes` it only looks. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, format, io, settings, parts } = invocation
  const [project = ''] = args
  const folder = typeof options.folder === 'string' ? options.folder : null
  const isYes = options.yes === true
  if (folder !== null && isYes) throw usage('--folder shows it for files that are no commit: commit them, then --yes')
  const desired = await withSource(invocation, folder, (source) => desiredOf(invocation, source))
  const stack = stackOf(desired, project)
  const names = typeof options.server === 'string' ? options.server.split(',').map((name) => name.trim()) : []
  const servers = chosenServers(desired.fleet.servers, names)
  const driver = await parts.openDriver(settings, () => undefined)
  try {
    driver.use(desired.fleet.name, servers, desired.fleet.guards)
    const looks = await Promise.all(
      servers.map(async ({ name }) => [name, await driver.observe(name, [], io.interrupted)] as const),
    )
    const said = typeof options.service === 'string' ? options.service : ''
    const report = await compareAll(driver, desired, stack, { looks, said }, io.interrupted)
    const done = isYes ? await adoptAll(driver, report, io.interrupted) : report
    if (format === 'json') io.out(`${JSON.stringify(importToJson(done), null, 2)}\n`)
    else io.out(formatImport(done, invocation))
    return finish(done)
  } finally {
    await driver.close()
  }
}

function stackOf({ stacks, revision }: Desired, project: string): Stack {
  const entry = stacks.find(({ name }) => name === project)
  if (entry?.kind === 'valid') return entry.stack
  if (entry !== undefined) throw new CommandError(entry.problems)
  const has = stacks.map(({ name }) => name).join(', ') || 'none'
  throw usage(
    `${revision.ref} has no stack ${project}; it has ${has}. A stack is found by the name of its Compose project: \`slipway init --from docker-compose.yml\` makes one of the file that you have`,
  )
}

interface Found {
  readonly looks: readonly (readonly [server: string, look: Result<Listing>])[]
  /** Of which service a container is that Compose did not make. */
  readonly said: string
}

async function compareAll(
  driver: Adopter,
  desired: Desired,
  stack: Stack,
  { looks, said }: Found,
  signal: AbortSignal,
): Promise<ImportReport> {
  const listings = new Map(looks.flatMap(([server, look]) => (look.ok ? [[server, look.value] as const] : [])))
  // What is on a server that cannot be seen cannot be named.
  const isSeen = looks.every(([, look]) => look.ok)
  const plan = planAdoption(stack, listings, isSeen ? namedContainers(said, stack, listings) : [])
  const compared = await Promise.all(
    plan.adoptees.map(async (adoptee) => ({ adoptee, answer: await compare(driver, adoptee, plan, signal) })),
  )
  const networks = await Promise.all(
    [...new Set(plan.adoptees.map(({ server }) => server))].flatMap((server) =>
      usedNetworks(stack, plan, server).map((network) => driver.checkNetwork(server, network, stack.name, signal)),
    ),
  )
  const failed = [...looks.map(([, look]) => look), ...compared.map(({ answer }) => answer), ...networks]
  return {
    desired,
    stack,
    plan,
    containers: compared.flatMap(({ adoptee, answer }) => (answer.ok ? [imported(adoptee, answer.value)] : [])),
    problems: failed.flatMap((result) => (result.ok ? [] : [result.problem])),
    isDone: false,
  }
}

function compare(
  driver: Adopter,
  { server, container, slot, spec }: Adoptee,
  { adoptees }: AdoptionPlan,
  signal: AbortSignal,
): Promise<Result<AdoptionAnswer>> {
  const neighbours = adoptees.filter((other) => other.server === server && other.slot.service !== slot.service)
  // Those of the same number last: they win.
  const ranked = [...neighbours].sort((a, b) => Number(a.slot.key === slot.key) - Number(b.slot.key === slot.key))
  const joined = new Map(ranked.map((other) => [other.slot.service, other.container.containerId]))
  return driver.compare(server, { containerId: container.containerId, slot, spec, joined }, signal)
}

function usedNetworks({ networks }: Stack, { adoptees }: AdoptionPlan, server: string): readonly NetworkSpec[] {
  const here = adoptees.filter((adoptee) => adoptee.server === server)
  const used = new Set(here.flatMap(({ spec }) => spec.networks.map(({ network }) => network)))
  return networks.filter(({ name }) => used.has(name))
}

function imported(adoptee: Adoptee, answer: AdoptionAnswer): Imported {
  const { spec, isSurplus } = adoptee
  const isEqual =
    answer.differences.length === 0 && canUpdateInPlace(answer.limits, formatLimits(spec)) && spec.restartAt === null
  return { adoptee, answer, fate: isSurplus ? 'removed' : isEqual ? 'kept' : 'replaced', outcome: null }
}

/** One after the other, so that what is cut short is a beginning of the list; nothing is done where something could not be seen. */
async function adoptAll(driver: Adopter, report: ImportReport, signal: AbortSignal): Promise<ImportReport> {
  if (report.problems.length > 0) return report
  const containers: Imported[] = []
  for (const one of report.containers) {
    const { server, container } = one.adoptee
    const { containerId, name } = container
    const { slot } = one.adoptee
    const adoption = { containerId, slot, from: name, to: nameFor(one, report.desired), restart: restartFor(one) }
    containers.push({ ...one, outcome: await driver.adopt(server, adoption, signal) })
  }
  return { ...report, containers, isDone: true }
}

function nameFor({ adoptee, fate, answer }: Imported, { fleet, revision }: Desired): string {
  const { slot, spec, container } = adoptee
  const isEqual = fate === 'kept'
  return adoptedName({
    fleet: fleet.name,
    slot,
    specHash: isEqual ? specHash(spec) : OTHER_SPEC,
    revision: isEqual ? revision.sha : OTHER_REVISION,
    limits: answer.limits,
    containerId: container.containerId,
  })
}

function finish({ containers, problems, isDone }: ImportReport): number {
  const failures = containers.flatMap(({ outcome, adoptee }) =>
    outcome === null || outcome.ok
      ? []
      : [{ ...outcome.problem, stack: adoptee.slot.stack, service: adoptee.slot.service }],
  )
  if (problems.length + failures.length > 0) throw new CommandError([...problems, ...failures])
  return isDone || containers.length === 0 ? EXIT.ok : EXIT.changes
}
