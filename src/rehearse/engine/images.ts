import { later, pause } from './machine.js'
import type { Machine, Pull, SimImage } from './machine.js'
import { openStream } from './event-log.js'
import type { OpenStream } from './event-log.js'
import { done, refuse } from './reply.js'
import type { Reply } from './reply.js'

/** `docker.io/library/web` is `web`, no tag is `latest`. */
export function fullReference(reference: string): string {
  const short = reference.replace(/^docker\.io\//, '').replace(/^library\//, '')
  if (short.startsWith('sha256:') || short.includes('@')) return short
  return /:[^/]+$/.test(short) ? short : `${short}:latest`
}

/** By reference, id, or `repo@digest`. */
export function findImage(machine: Machine, reference: string): SimImage | undefined {
  const { images } = machine
  const full = fullReference(reference)
  const exact = images.get(full) ?? images.get(reference)
  if (exact !== undefined) return exact
  const [repo, digest] = full.split('@')
  if (digest !== undefined) {
    for (const [name, image] of images) if (image.digest === digest && repoOf(name) === repoOf(repo ?? '')) return image
  }
  const hex = reference.replace(/^sha256:/, '')
  if (!/^[0-9a-f]{6,64}$/.test(hex)) return undefined
  return [...images.values()].find(({ id }) => id.startsWith(`sha256:${hex}`))
}

function repoOf(name: string): string {
  const bare = name.split('@')[0] ?? name
  return bare.replace(/:[^/:]+$/, '')
}

export function addImage(machine: Machine, reference: string, image: SimImage): void {
  machine.images.set(fullReference(reference), image)
}

export function inspectImage(machine: Machine, reference: string): Reply {
  const image = findImage(machine, reference)
  if (image === undefined) return refuse(404, noSuchImage(reference))
  const names = [...machine.images].filter(([, other]) => other.id === image.id).map(([name]) => name)
  const tags = names.filter((name) => !name.includes('@'))
  const repos = [...new Set(names.map(repoOf))]
  return done(200, {
    Id: image.id,
    RepoTags: tags,
    RepoDigests: image.digest === null ? [] : repos.map((repo) => `${repo}@${image.digest}`),
    Os: machine.options.os ?? 'linux',
    Architecture: machine.options.arch ?? 'amd64',
    Size: image.bytes,
    Config: image.config,
  })
}

export function noSuchImage(reference: string): string {
  return `No such image: ${reference.includes('@') || reference.startsWith('sha256:') ? reference : fullReference(reference)}`
}

export function tagImage(machine: Machine, reference: string, repo: string, tag: string): Reply {
  const image = findImage(machine, reference)
  if (image === undefined) return refuse(404, noSuchImage(reference))
  const name = `${repo}:${tag || 'latest'}`
  addImage(machine, name, image)
  machine.events.say({ atMs: machine.clock.nowMs(), type: 'image', action: 'tag', id: image.id, attributes: { name } })
  return done(201)
}

/** A refusal at once, or a stream of progress that may end with one. */
export async function pullImage(machine: Machine, name: string, tag: string): Promise<Reply | OpenStream> {
  const reference = tag.startsWith('sha256:') ? `${name}@${tag}` : `${name}:${tag || 'latest'}`
  const pull = machine.options.registry(fullReference(reference))
  await pause(machine, machine.times.readMs)
  if (pull.kind === 'refused') return refuse(pull.status, pull.message)
  const stream = openStream()
  say(stream, { status: `Pulling from ${name}`, id: tag })
  const afterMs = pull.kind === 'broken' ? pull.afterMs : pull.pullMs
  const cancel = later(machine, afterMs, () => {
    machine.calls.delete(cut)
    finish(machine, stream, reference, pull)
  })
  const cut = (): void => {
    cancel()
    stream.cut()
  }
  machine.calls.add(cut)
  // A pull that nobody waits for is given up by the engine.
  stream.onClose(() => {
    machine.calls.delete(cut)
    cancel()
  })
  return stream
}

function finish(
  machine: Machine,
  stream: OpenStream,
  reference: string,
  pull: Exclude<Pull, { kind: 'refused' }>,
): void {
  if (pull.kind === 'broken') {
    complain(stream, pull.message)
    return stream.end()
  }
  const { image } = pull
  const isKnown = findImage(machine, image.id) !== undefined
  if (!isKnown && image.bytes > machine.freeDiskBytes) {
    complain(stream, 'failed to register layer: write /layer.tar: no space left on device')
    return stream.end()
  }
  if (!isKnown) machine.freeDiskBytes -= image.bytes
  addImage(machine, reference, image)
  const at = { atMs: machine.clock.nowMs(), type: 'image', action: 'pull', id: fullReference(reference) } as const
  machine.events.say({ ...at, attributes: { name: repoOf(fullReference(reference)) } })
  if (image.digest !== null) say(stream, { status: `Digest: ${image.digest}` })
  say(stream, { status: `Status: ${isKnown ? 'Image is up to date' : 'Downloaded newer image'} for ${reference}` })
  stream.end()
}

function say(stream: OpenStream, line: Readonly<Record<string, string>>): void {
  stream.write(`${JSON.stringify(line)}\r\n`)
}

function complain(stream: OpenStream, message: string): void {
  stream.write(`${JSON.stringify({ errorDetail: { message }, error: message })}\r\n`)
}
