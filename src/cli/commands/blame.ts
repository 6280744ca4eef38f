import type { FleetStatus, ServiceStatus } from '../../controller/index.js'
import { blameService } from '../blame.js'
import type { BlamedSetting } from '../blame.js'
import { readTarget, runningController } from '../connect.js'
import { EXIT } from '../exit-code.js'
import { usage, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { withWorkshop } from '../preview.js'
import { clean, formatCommit, formatTime } from '../show/words.js'

/** For each setting of what a service runs: the commit that set it, who and when, and which replicas run it. */
export async function run(invocation: Invocation): Promise<number> {
  const { io, format, args } = invocation
  const { stack, service } = readTarget(args[0]) ?? { stack: '' }
  if (service === undefined || service === '') throw usage(`name one service as stack/service, not ${args[0] ?? ''}`)
  const running = await runningController(invocation.settings)
  const seen = running === null ? null : serviceIn(running.status, stack, service)
  return withWorkshop(invocation, async (workshop) => {
    const tip = valueOf(await workshop.bring('HEAD', io.interrupted))
    const from =
      seen?.revision === null || seen === null ? tip : valueOf(await workshop.bring(seen.revision.sha, io.interrupted))
    const settings = await blameService(workshop, from.sha, { stack, service }, io.interrupted)
    if (settings.length === 0) throw usage(`${formatCommit(from)} has no service ${stack}/${service}`)
    const replicas = (seen?.replicas ?? []).map(({ slot, server }) => ({ slot, server }))
    if (format === 'json')
      io.out(`${JSON.stringify({ service: `${stack}/${service}`, revision: from, replicas, settings }, null, 2)}\n`)
    else io.out(shown(`${stack}/${service} at ${formatCommit(from)}`, settings, replicas, seen !== null))
    return EXIT.ok
  })
}

function serviceIn({ stacks }: FleetStatus, stack: string, service: string): ServiceStatus | null {
  const found = stacks.find(({ name }) => name === stack)?.services.find(({ name }) => name === service)
  return found ?? null
}

function shown(
  title: string,
  settings: readonly BlamedSetting[],
  replicas: readonly { readonly slot: string; readonly server: string }[],
  isSeen: boolean,
): string {
  const width = Math.max(...settings.map(({ setting }) => clean(setting).length))
  const lines = settings.map(({ setting, revision }) => {
    const when = formatTime(revision.committedAtMs).slice(0, 16)
    return `  ${clean(setting).padEnd(width)}  ${when}  ${formatCommit(revision)}`
  })
  const where = replicas.map(({ slot, server }) => `${slot} on ${server}`).join(', ')
  const ran = !isSeen
    ? 'what runs is not known: no controller answers'
    : where === ''
      ? 'no replica runs it'
      : `run by ${where}`
  return `${[title, ran, '', ...lines].join('\n')}\n`
}
