import { fail, formatSlot, ok, specHash } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'
import type { Adoption, AdoptionAnswer, AdoptionQuestion } from '../controller/index.js'
import { compareContainer } from '../payload/index.js'
import type { RunAction } from '../payload/index.js'
import { claimOn } from './claims.js'
import { copiedFiles } from './copied-files.js'
import { at, readJsonIfThere, textAt } from './engine.js'
import type { Call, Engine } from './engine.js'
import { segment } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import { parseImage, versionOf } from './image-name.js'

/** Compares a container that something else made with the one that Slipway would create in its place. */
export async function compareForeign(
  engine: Engine,
  question: AdoptionQuestion,
  signal: AbortSignal,
): Promise<Result<AdoptionAnswer>> {
  const { containerId, spec } = question
  const container = await inspect(engine, containerId, signal)
  if (!container.ok) return container
  const claim = claimOn(at(container.value, 'Config', 'Labels'), question.slot)
  if (claim !== null) return fail(claimed(engine, textAt(container.value, 'Name'), question, claim))
  const imageId = textAt(container.value, 'Image')
  const imageCall = { method: 'GET', path: `/images/${segment(imageId)}/json`, lane: 'read' } as const
  const image = await readJsonIfThere(engine, imageCall, `inspect the image ${imageId}`, signal)
  if (!image.ok) return image
  const copied = await copiedFiles(engine, container.value, spec.files, signal)
  if (!copied.ok) return copied
  const answer = compareContainer(actionOf(engine, question), question.joined, {
    container: container.value,
    image: at(image.value, 'Config'),
    engine: engine.defaults,
    apiMinor: engine.apiMinor,
    copied: copied.value,
  })
  if (isOfImage(container.value, image.value, spec.image)) return ok(answer)
  const from = textAt(container.value, 'Config', 'Image')
  return ok({ ...answer, differences: [{ field: 'image', from, to: spec.image }, ...answer.differences] })
}

async function inspect(engine: Engine, id: string, signal: AbortSignal): Promise<Result<unknown>> {
  const call = { method: 'GET', path: `/containers/${segment(id)}/json`, lane: 'read' } as const
  const found = await readJsonIfThere(engine, call, `inspect the container ${id.slice(0, 12)}`, signal)
  return found.ok && found.value === null ? fail(gone(engine, id)) : found
}

function claimed({ server }: Engine, name: string, { slot }: AdoptionQuestion, claim: string): Problem {
  const message = `the container ${name.replace(/^\//, '')} cannot be ${formatSlot(slot)}: it ${claim}`
  return { code: 'CONFLICT', message, server, stack: slot.stack, service: slot.service }
}

function gone(engine: Engine, id: string): Problem {
  const message = `container ${id.slice(0, 12)} is no longer on server ${engine.server}`
  return { code: 'CONTAINER_GONE', message, server: engine.server }
}

/** Only what makes a container what it is counts; who made it is compared by nobody. */
function actionOf(engine: Engine, { slot, spec }: AdoptionQuestion): RunAction {
  const { server, fleet } = engine
  const identity = { fleet, slot, specHash: specHash(spec), revision: '', restart: '', controller: '' }
  return { kind: 'run', server, stack: slot.stack, slot, spec, image: { digest: null, id: '' }, identity }
}

/** By what it was made from, or by what its image is called today; never by a tag that has moved on to another image. */
function isOfImage(container: unknown, image: unknown, wanted: string): boolean {
  const names = [at(image, 'RepoTags'), at(image, 'RepoDigests')].flatMap((list): readonly unknown[] =>
    Array.isArray(list) ? list : [],
  )
  return [textAt(container, 'Config', 'Image'), ...names].some(
    (name) => typeof name === 'string' && nameOf(name) === nameOf(wanted),
  )
}

function nameOf(reference: string): string {
  const image = parseImage(reference)
  return `${image.registry}/${image.path} ${versionOf(image)}`
}

/** One call that is seen, and before it one that makes no difference to what runs: cut in between, it is asked for again. */
export async function adoptContainer(engine: Engine, adoption: Adoption, signal: AbortSignal): Promise<Result<null>> {
  const { containerId, slot, from, to, restart } = adoption
  const found = await inspect(engine, containerId, signal)
  if (!found.ok) return found
  const claim = claimOn(at(found.value, 'Config', 'Labels'), slot)
  if (claim !== null || textAt(found.value, 'Name') !== `/${from}`) {
    const message = `container ${containerId.slice(0, 12)} on server ${engine.server} is no longer ${from}, free to be taken over; nothing was done to it`
    return fail({ code: 'CONFLICT', message, server: engine.server })
  }
  const path = `/containers/${segment(containerId)}`
  if (restart !== null) {
    const body = { RestartPolicy: { Name: restart.condition, MaximumRetryCount: restart.maxAttempts } }
    const updated = await change(engine, { method: 'POST', path: `${path}/update`, body, lane: 'change' }, from, signal)
    if (!updated.ok) return updated
  }
  const rename = { method: 'POST', path: `${path}/rename`, query: { name: to }, lane: 'change' } as const
  return change(engine, rename, from, signal)
}

async function change(engine: Engine, call: Call, name: string, signal: AbortSignal): Promise<Result<null>> {
  const answer = await engine.call(call, signal)
  if (answer.ok) return ok(null)
  return fail(toProblem(answer.problem, { server: engine.server, what: `take over the container ${name}` }))
}
