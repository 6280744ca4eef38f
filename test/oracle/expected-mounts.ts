import { posix } from 'node:path'
import type { FileSpec, MountSpec } from '../../src/model/index.js'
import { UNSAID } from './differences.js'
import type { Json, JsonMap } from './docker-compose.js'
import { bytesOf, list, map, numberOf, sortedBy, strings, text } from './json.js'
import { COMPOSE_PATH } from './project.js'
import type { Project } from './project.js'
import { FOLDER } from './services.js'

export function mountsOf(service: JsonMap, _: string, project: Project): readonly MountSpec[] {
  const tmpfs = strings(service['tmpfs']).map(tmpfsOf)
  const own = [...declaredMounts(service, project), ...tmpfs]
  const targets = new Set([...own, ...boundFiles(service, project)].map(({ target }) => target))
  const borrowed = borrowedMounts(service, project).filter(({ target }) => !targets.has(target))
  return sortedBy([...own, ...borrowed], ({ target }) => target)
}

/** Mounts of the services that `volumes_from` names. */
function borrowedMounts(service: JsonMap, project: Project): readonly MountSpec[] {
  return strings(service['volumes_from']).flatMap((from) => {
    const [name = '', access] = from.split(':')
    const mounts = name === 'container' ? [] : declaredMounts(otherService(name, project), project)
    const shared = mounts.filter(({ kind }) => kind !== 'tmpfs')
    return access === 'ro' ? shared.map((mount) => ({ ...mount, readOnly: true })) : shared
  })
}

function otherService(name: string, { json }: Project): JsonMap {
  return map(map(json['services'])[name])
}

function declaredMounts(service: JsonMap, project: Project): readonly MountSpec[] {
  return list(service['volumes']).flatMap((item) => {
    const mount = map(item)
    const path = mount['type'] === 'bind' ? repositoryPath(mount) : null
    if (path === null) return [mountOf(mount, project.json)]
    return project.files[path] === undefined ? [shippedFolder(path, mount, project)] : []
  })
}

/** Bound paths of the repository are shipped: a folder as a mount of its own, a file like a config. */
function repositoryPath(mount: JsonMap): string | null {
  const source = text(mount['source'])
  return source.startsWith('repository:/') ? source.slice('repository:/'.length) : null
}

function shippedFolder(path: string, mount: JsonMap, { files }: Project): MountSpec {
  const inside = Object.entries(files).filter(([one]) => one.startsWith(`${path}/`))
  const shipped = inside.map(([one, content]) => ({
    path: one.slice(path.length + 1),
    contentBase64: Buffer.from(content).toString('base64'),
    mode: UNSAID,
  }))
  return {
    kind: 'shipped',
    source: path,
    target: targetOf(mount),
    readOnly: mount['read_only'] === true,
    files: sortedBy(shipped, (file) => file.path),
  }
}

function boundFiles(service: JsonMap, { files }: Project): readonly FileSpec[] {
  return list(service['volumes']).flatMap((item) => {
    const mount = map(item)
    const path = mount['type'] === 'bind' ? repositoryPath(mount) : null
    const content = path === null ? undefined : files[path]
    if (path === null || content === undefined) return []
    const contentBase64 = Buffer.from(content).toString('base64')
    return [
      {
        kind: 'bind',
        name: UNSAID,
        source: path,
        target: targetOf(mount),
        contentBase64,
        mode: UNSAID,
        uid: 0,
        gid: 0,
      },
    ]
  })
}

function targetOf(mount: JsonMap): string {
  return text(mount['target']).replace(/(?<=.)\/$/, '')
}

function mountOf(mount: JsonMap, project: JsonMap): MountSpec {
  const target = targetOf(mount)
  const readOnly = mount['read_only'] === true
  const [bind, volume, tmpfs] = [map(mount['bind']), map(mount['volume']), map(mount['tmpfs'])]
  if (mount['type'] === 'bind')
    return {
      kind: 'bind',
      source: posix.normalize(text(mount['source'])),
      target,
      readOnly,
      createHostPath: bind['create_host_path'] === true || UNSAID,
      propagation: (bind['propagation'] as string | undefined) ?? null,
      ...(bind['selinux'] === undefined ? {} : { selinux: text(bind['selinux']) as 'z' }),
    }
  if (mount['type'] === 'tmpfs')
    return { kind: 'tmpfs', target, readOnly, sizeBytes: bytesOf(tmpfs['size']), mode: numberOf(tmpfs['mode']) }
  if (mount['type'] === 'image') {
    const inside = map(mount['image'])['subpath']
    const below = inside === undefined ? {} : { subpath: text(inside) }
    return { kind: 'image', source: text(mount['source']), target, readOnly, ...below }
  }
  if (mount['source'] === undefined) return { kind: 'anonymous', target, readOnly }
  const source = text(map(map(project['volumes'])[text(mount['source'])])['name'])
  const subpath = volume['subpath'] === undefined ? {} : { subpath: text(volume['subpath']) }
  return { kind: 'volume', source, target, readOnly, noCopy: volume['nocopy'] === true, ...subpath }
}

/** Compose hands the text through to the engine. */
function tmpfsOf(item: string): MountSpec {
  const [target = '', options = ''] = item.split(':')
  const given = new Map(options.split(',').map((option) => option.split('=') as [string, string | undefined]))
  const mode = given.get('mode')
  const known = ['', 'ro', 'rw', 'size', 'mode']
  const others = options.split(',').filter((option) => !known.includes(option.replace(/=.*$/, '')))
  return {
    kind: 'tmpfs',
    target,
    readOnly: given.has('ro'),
    sizeBytes: bytesOf(given.get('size')),
    mode: mode === undefined ? null : Number.parseInt(mode, 8),
    ...(others.length > 0 ? { options: others } : {}),
  }
}

export function filesOf(service: JsonMap, _: string, project: Project): unknown {
  const files = (['config', 'secret'] as const).flatMap((kind) =>
    list(service[`${kind}s`]).map((item) => {
      const use = map(item)
      const name = text(use['source'])
      const source = map(map(project.json[`${kind}s`])[name])
      const given = text(use['target'] ?? name)
      const path = source['file'] === undefined ? COMPOSE_PATH : text(source['file']).replace('repository:/', '')
      return {
        kind,
        name,
        source: source['environment'] === undefined ? path : UNSAID,
        target: given.startsWith('/') ? given : `${kind === 'secret' ? '/run/secrets' : ''}/${given}`,
        contentBase64: Buffer.from(contentOf(source, path, project)).toString('base64'),
        mode: fileMode(use['mode']),
        uid: numberOf(use['uid']) ?? 0,
        gid: numberOf(use['gid']) ?? 0,
      }
    }),
  )
  const own = new Set(declaredMounts(service, project).map(({ target }) => target))
  const borrowed = strings(service['volumes_from'])
    .flatMap((from) => boundFiles(otherService(from.split(':')[0] ?? '', project), project))
    .filter(({ target }) => !own.has(target))
  const bound = new Map([...borrowed, ...boundFiles(service, project)].map((file) => [file.target, file]))
  return sortedBy<{ readonly target: string }>([...files, ...bound.values()], ({ target }) => target)
}

function contentOf(source: JsonMap, path: string, { files }: Project): string {
  if (source['file'] !== undefined) return files[path] ?? ''
  if (source['environment'] === undefined) return text(source['content'])
  const name = text(source['environment'])
  return new RegExp(`^${name}=(.*)$`, 'm').exec(files[`${FOLDER}/.env`] ?? '')?.[1] ?? ''
}

/** Octal digits; of a number, which Compose 2.26 prints, nobody can say what was meant by it. */
function fileMode(mode: Json | undefined): number {
  if (mode === undefined) return 0o444
  return typeof mode === 'number' ? UNSAID : Number.parseInt(text(mode), 8)
}
