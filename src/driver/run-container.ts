import { containerName, fail, formatSlot, ok } from '../model/index.js'
import type { ActionResult, Guards, Problem, Result } from '../model/index.js'
import { START_INTERVAL_API, createPayload, laterNetworks, refusal, refusedAsks } from '../payload/index.js'
import type { RunAction } from '../payload/index.js'
import { at, readJsonIfThere, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import type { CallFailure } from './engine-client.js'
import { about, toProblem } from './engine-errors.js'
import { packFiles, planFiles } from './file-archive.js'
import type { FileDelivery } from './file-archive.js'
import { findJoined } from './joined-containers.js'
import { runHooks } from './hooks.js'
import { parseImage, pinnedReference } from './image-name.js'
import { findImage } from './pull-image.js'
import { fillFolders } from './shipped-folders.js'

/**
 * Fills its folders, creates a container, puts its files into it, attaches its networks, starts it. What fails on the way takes the container away again;
 * only an unknown outcome leaves one, which the next look finds.
 */
export async function runContainer(
  engine: Engine,
  action: RunAction,
  guards: Guards | null,
  busy: Set<string>,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  const files = planFiles(action.spec, engine.server)
  if (!files.ok) return files
  const image = await chooseImage(engine, action, signal)
  if (!image.ok) return image
  warnOfAge(engine, action)
  const chosen = { image: image.value, platform: platformQuery(action.spec) }
  const folders = await fillFolders(engine, action, chosen, busy, signal)
  if (!folders.ok) return folders
  const created = await create(engine, action, image.value, guards, signal)
  const lost = await folders.value.release()
  if (!created.ok) return created
  const containerId = created.value
  const failure =
    lost ??
    (await deliver(engine, action, containerId, files.value, signal)) ??
    (await attach(engine, action, containerId, signal)) ??
    (await start(engine, action, containerId, signal)) ??
    (await afterStart(engine, action, containerId, signal))
  if (failure === null) return ok({ containerId })
  return fail(isOutcomeUnknown(failure) ? failure : await takeBack(engine, containerId, failure))
}

/** The only key that an older engine may do without. */
function warnOfAge(engine: Engine, { spec, slot }: RunAction): void {
  if ((spec.healthcheck?.startIntervalMs ?? null) === null || engine.apiMinor >= START_INTERVAL_API) return
  const fields = { service: slot.service, stack: slot.stack, server: engine.server, engine: engine.facts.engineVersion }
  engine.say('warn', 'healthcheck.start_interval is ignored: the engine is older than API 1.44', fields)
}

function isOutcomeUnknown(problem: Problem): boolean {
  return problem.code === 'CALL_TIMEOUT' || problem.code === 'CONNECTION_LOST'
}

/** The pinned digest; without one the tag, if it is still what was pinned, so that `docker ps` shows a name; else the id. */
async function chooseImage(engine: Engine, action: RunAction, signal: AbortSignal): Promise<Result<string>> {
  const { spec, image } = action
  const pinned = pinnedReference(spec.image, image.digest)
  if (pinned !== null) return ok(pinned)
  const found = await findImage(engine, spec.image, parseImage(spec.image), null, signal)
  if (!found.ok) return found
  return ok(found.value?.id === image.id ? spec.image : image.id)
}

async function create(
  engine: Engine,
  action: RunAction,
  image: string,
  guards: Guards | null,
  signal: AbortSignal,
): Promise<Result<string>> {
  const name = containerName(action.identity)
  const joined = await findJoined(engine, action, signal)
  if (!joined.ok) return joined
  const payload = createPayload(action, image, engine.apiMinor, joined.value)
  const [refused] = refusedAsks(payload, guards, joined.value)
  if (refused !== undefined) return fail({ ...about(engine, action), code: 'GUARD_REFUSED', message: refusal(refused) })
  const body = await keepEmptyCommand(engine, action, image, payload, signal)
  if (!body.ok) return body
  const call = {
    method: 'POST',
    path: '/containers/create',
    query: { name, ...platformQuery(action.spec) },
    body: body.value,
    lane: 'change',
  } as const
  const answer = await engine.call(call, signal)
  const what = `create the container ${name}`
  if (!answer.ok) return fail(await explain(engine, action, answer.problem, what, signal))
  try {
    const id = textAt(JSON.parse(answer.value.body.toString('utf8')), 'Id')
    if (/^[0-9a-f]{12,64}$/.test(id)) return ok(id)
  } catch {
    // Said below.
  }
  const message = `server ${engine.server} created the container ${name} and said no id; what it made is found at the next look`
  return fail({ code: 'CONNECTION_LOST', message, server: engine.server })
}

/** Without it the engine takes what it has of the image. */
function platformQuery({ execution }: RunAction['spec']): Readonly<Record<string, string>> {
  return execution?.platform === undefined ? {} : { platform: execution.platform }
}

/** `command: []` means "no command"; the engine takes an empty one for "the image's", unless it is told the entrypoint too. */
async function keepEmptyCommand(
  engine: Engine,
  action: RunAction,
  image: string,
  payload: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
): Promise<Result<Readonly<Record<string, unknown>>>> {
  const { command, entrypoint } = action.spec
  if (command === null || command.length > 0 || entrypoint !== null) return ok(payload)
  const call = { method: 'GET', path: `/images/${segment(image)}/json`, lane: 'read' } as const
  const found = await readJsonIfThere(engine, call, `inspect the image ${image}`, signal)
  if (!found.ok) return found
  const own = at(found.value, 'Config', 'Entrypoint')
  return ok(Array.isArray(own) && own.length > 0 ? { ...payload, Entrypoint: own } : payload)
}

async function deliver(
  engine: Engine,
  action: RunAction,
  id: string,
  deliveries: readonly FileDelivery[],
  signal: AbortSignal,
): Promise<Problem | null> {
  for (const delivery of deliveries) {
    const archive = await packFiles(delivery)
    const path = `/containers/${segment(id)}/archive`
    const query = { path: delivery.root, noOverwriteDirNonDir: '1' }
    const answer = await engine.call({ method: 'PUT', path, query, archive, lane: 'change' }, signal)
    const what = `put the configs and secrets into ${formatSlot(action.slot)}`
    if (!answer.ok) return explain(engine, action, answer.problem, what, signal)
  }
  return null
}

async function attach(engine: Engine, action: RunAction, id: string, signal: AbortSignal): Promise<Problem | null> {
  for (const { network, body: EndpointConfig } of laterNetworks(action.spec, engine.apiMinor)) {
    const body = { Container: id, EndpointConfig }
    const path = `/networks/${segment(network)}/connect`
    const answer = await engine.call({ method: 'POST', path, body, lane: 'change' }, signal)
    const what = `attach ${formatSlot(action.slot)} to the network ${network}`
    if (!answer.ok) return explain(engine, action, answer.problem, what, signal)
  }
  return null
}

async function start(engine: Engine, action: RunAction, id: string, signal: AbortSignal): Promise<Problem | null> {
  const path = `/containers/${segment(id)}/start`
  const { startMs } = engine.limits
  const answer = await engine.call({ method: 'POST', path, lane: 'change', deadlineMs: startMs }, signal)
  return answer.ok ? null : explain(engine, action, answer.problem, `start ${formatSlot(action.slot)}`, signal)
}

/** A replica whose hooks failed is none: it is taken away again, as one that does not start. */
async function afterStart(engine: Engine, action: RunAction, id: string, signal: AbortSignal): Promise<Problem | null> {
  const hooks = action.spec.hooks?.postStart ?? []
  const hooked = { containerId: id, slot: action.slot }
  const done = await runHooks(engine, hooked, 'post_start', hooks, engine.limits.startMs, signal)
  return done.ok ? null : done.problem
}

/** Nothing half done. Bound to no caller's patience: who gave up wants it gone as well. */
async function takeBack(engine: Engine, id: string, failure: Problem): Promise<Problem> {
  const call = { method: 'DELETE', path: `/containers/${segment(id)}`, query: { force: '1' }, lane: 'change' } as const
  const removed = await engine.call(call, new AbortController().signal)
  if (removed.ok || (removed.problem.kind === 'refused' && removed.problem.status === 404)) return failure
  const left = toProblem(removed.problem, {
    server: engine.server,
    what: `remove the container ${id.slice(0, 12)} again`,
  })
  const message = `${failure.message}; and ${left.message}`
  // Something is left there, so "it was not done" would be a lie.
  return { ...failure, code: removed.problem.kind === 'broken' ? 'CONNECTION_LOST' : failure.code, message }
}

/** As a Problem with stack and service, naming who holds a port. */
async function explain(
  engine: Engine,
  action: RunAction,
  failure: CallFailure,
  what: string,
  signal: AbortSignal,
): Promise<Problem> {
  const problem = toProblem(failure, { server: engine.server, what })
  const named = { ...problem, stack: action.slot.stack, service: action.slot.service }
  if (problem.code !== 'PORT_TAKEN') return named
  const holder = await portHolder(engine, action, signal)
  return holder === null ? named : { ...named, message: `${problem.message}; ${holder}` }
}

async function portHolder(engine: Engine, action: RunAction, signal: AbortSignal): Promise<string | null> {
  const published = action.spec.ports.flatMap(({ published, protocol }) =>
    published === null ? [] : [`${published}/${protocol}`],
  )
  const query = { filters: JSON.stringify({ publish: published }) }
  const call = { method: 'GET', path: '/containers/json', query, lane: 'read' } as const
  const answer = await engine.call(call, signal)
  if (!answer.ok) return null
  try {
    const list: unknown = JSON.parse(answer.value.body.toString('utf8'))
    const names = (Array.isArray(list) ? list : []).flatMap((item) => {
      const found = at(item, 'Names')
      return Array.isArray(found) ? [String(found[0]).slice(1)] : []
    })
    if (names.length > 0) return `${published.join(', ')} is published by ${names.join(', ')}`
    return `no container publishes ${published.join(', ')}: another process of the server has it`
  } catch {
    return null
  }
}
