import { fail, ok } from '../model/index.js'
import type { Action, ActionResult, ImagePin, Problem, Result } from '../model/index.js'
import { MOST_EXPOSED } from './container.js'
import { at, readJsonIfThere, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { refusedProblem, toProblem } from './engine-errors.js'
import { segment } from './engine-client.js'
import type { EngineStream } from './engine-client.js'
import { eachLine } from './events.js'
import { digestFor, parseImage, versionOf } from './image-name.js'
import type { ImageName } from './image-name.js'
import type { RegistryAuth } from './options.js'

type PullAction = Extract<Action, { readonly kind: 'pull' }>

/** Has the image on the server. Problems: IMAGE_NOT_FOUND, REGISTRY_AUTH, REGISTRY_UNREACHABLE, DISK_FULL and those of any call. */
export async function pullImage(
  engine: Engine,
  action: PullAction,
  signal: AbortSignal,
): Promise<Result<ActionResult>> {
  const image = parseImage(action.image)
  if (action.policy !== 'always') {
    const found = await findImage(engine, action.image, image, null, signal)
    if (!found.ok) return found
    if (found.value !== null && !(await isOlder(engine, action, signal))) return ok({ image: found.value })
    if (action.policy === 'never') return fail(neverPulled(engine, action.image))
  }
  const pulled = await pull(engine, action, image, signal)
  if (!pulled.ok) return pulled
  const found = await findImage(engine, action.image, image, pulled.value, signal)
  if (!found.ok) return found
  if (found.value === null) return fail(vanished(engine, action.image))
  return ok({ image: found.value })
}

/** Whether the image came longer ago than the policy wants. When it came is the engine's to say: what it does not know is old. */
async function isOlder(engine: Engine, { image, policy }: PullAction, signal: AbortSignal): Promise<boolean> {
  const [, seconds] = /^every_([0-9]+)$/.exec(policy) ?? []
  if (seconds === undefined) return false
  const call = { method: 'GET', path: `/images/${segment(image)}/json`, lane: 'read' } as const
  const found = await readJsonIfThere(engine, call, `look for the image ${image}`, signal)
  const taggedAtMs = found.ok ? Date.parse(textAt(found.value, 'Metadata', 'LastTagTime')) : Number.NaN
  return !(engine.clock.nowMs() - taggedAtMs <= Number(seconds) * 1_000)
}

/** The image as the engine has it, or null. `pulled` is the digest that a pull has just named. */
export async function findImage(
  engine: Engine,
  reference: string,
  image: ImageName,
  pulled: string | null,
  signal: AbortSignal,
): Promise<Result<ImagePin | null>> {
  const call = { method: 'GET', path: `/images/${segment(reference)}/json`, lane: 'read' } as const
  const found = await readJsonIfThere(engine, call, `look for the image ${reference}`, signal)
  if (!found.ok || found.value === null) return found as Result<null>
  const digests = at(found.value, 'RepoDigests')
  const texts = Array.isArray(digests) ? digests.filter((digest) => typeof digest === 'string') : []
  const exposes = exposedBy(at(found.value, 'Config', 'ExposedPorts'))
  const pin = { digest: digestFor(image, texts, pulled), id: textAt(found.value, 'Id') }
  return ok(exposes.length === 0 ? pin : { ...pin, exposes })
}

/** `{ "5432/tcp": {} }`; null where there are none. */
function exposedBy(ports: unknown): readonly number[] {
  const keys = typeof ports === 'object' && ports !== null ? Object.keys(ports) : []
  const read = keys.flatMap((key) => /^([0-9]{1,5})\/tcp$/.exec(key)?.[1] ?? []).map(Number)
  return read.sort((a, b) => a - b).slice(0, MOST_EXPOSED)
}

/** Pulls, reads the progress to its end, and returns the digest that the registry named. */
async function pull(
  engine: Engine,
  { image: reference, platform }: PullAction,
  image: ImageName,
  signal: AbortSignal,
): Promise<Result<string | null>> {
  const auth = authFor(engine.registryAuths, image.registry)
  const attempted = { server: engine.server, what: `pull ${reference}`, image: reference }
  return engine.inLane('slow', signal, async () => {
    const opened = await engine.open(
      {
        method: 'POST',
        path: '/images/create',
        query: { fromImage: image.name, tag: versionOf(image), ...(platform === undefined ? {} : { platform }) },
        headers: auth === null ? {} : { 'X-Registry-Auth': encodeAuth(auth, image.registry) },
        lane: 'slow',
        deadlineMs: engine.limits.pullIdleMs,
      },
      signal,
    )
    return opened.ok
      ? readProgress(engine, opened.value, reference, signal)
      : fail(toProblem(opened.problem, attempted))
  })
}

async function readProgress(
  engine: Engine,
  stream: EngineStream,
  reference: string,
  signal: AbortSignal,
): Promise<Result<string | null>> {
  const { limits, clock, server } = engine
  let digest: string | null = null
  let complaint: string | null = null
  let why: string | null = null
  const stop = (reason: string) => (): void => {
    why ??= reason
    stream.close()
  }
  const onAbort = stop('was given up')
  signal.addEventListener('abort', onAbort, { once: true })
  const cancelAll = clock.after(limits.pullMs, stop(`did not finish within ${limits.pullMs} ms`))
  let cancelIdle = clock.after(limits.pullIdleMs, stop(`said nothing for ${limits.pullIdleMs} ms`))
  let bytes = 0
  stream.response.on('data', (chunk: Buffer | string) => {
    cancelIdle()
    cancelIdle = clock.after(limits.pullIdleMs, stop(`said nothing for ${limits.pullIdleMs} ms`))
    bytes += chunk.length
    if (bytes > limits.pullBytes) stop(`reported progress of more than ${limits.pullBytes} bytes`)()
  })
  const end = await eachLine(stream.response, limits.lineBytes, (line) => {
    const said = readProgressLine(line)
    digest = said.digest ?? digest
    complaint ??= said.error
  })
  cancelAll()
  cancelIdle()
  signal.removeEventListener('abort', onAbort)
  stream.close()
  if (complaint !== null)
    return fail(refusedProblem(0, complaint, { server, what: `pull ${reference}`, image: reference }))
  if (why !== null)
    return fail({
      code: 'CALL_TIMEOUT',
      message: `the pull of ${reference} on server ${server} ${String(why)}`,
      server,
    })
  if (end === 'broken') {
    return fail({
      code: 'CONNECTION_LOST',
      message: `the pull of ${reference} on server ${server} lost its connection`,
      server,
    })
  }
  return ok(digest)
}

function readProgressLine(line: string): { readonly digest: string | null; readonly error: string | null } {
  try {
    const parsed: unknown = JSON.parse(line)
    const error = textAt(parsed, 'errorDetail', 'message') || textAt(parsed, 'error')
    const digest = /^Digest: (sha256:[0-9a-f]{64})$/.exec(textAt(parsed, 'status'))?.[1] ?? null
    return { digest, error: error === '' ? null : error }
  } catch {
    return { digest: null, error: null }
  }
}

function authFor(auths: Readonly<Record<string, RegistryAuth>>, registry: string): RegistryAuth | null {
  const names = registry === 'docker.io' ? ['docker.io', 'index.docker.io', 'https://index.docker.io/v1/'] : [registry]
  const found = names.find((name) => Object.hasOwn(auths, name))
  return found === undefined ? null : (auths[found] ?? null)
}

function encodeAuth(auth: RegistryAuth, registry: string): string {
  const { username, password } = auth
  return Buffer.from(JSON.stringify({ username, password, serveraddress: registry })).toString('base64url')
}

function neverPulled(engine: Engine, reference: string): Problem {
  const remedy = `load it there (docker load), or set pull_policy: missing`
  const message = `server ${engine.server} has no image ${reference}, and pull_policy is never; ${remedy}`
  return { code: 'IMAGE_NOT_FOUND', message, server: engine.server, next: { kind: 'stalled', remedy } }
}

function vanished(engine: Engine, reference: string): Problem {
  const message = `server ${engine.server} pulled ${reference} and has it no more; is something pruning images there?`
  return { code: 'IMAGE_NOT_FOUND', message, server: engine.server, next: { kind: 'retry', afterMs: 10_000 } }
}
