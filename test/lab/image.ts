import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { pack, type Headers, type Pack } from 'tar-stream'
import { busyboxPath } from './downloads.js'
import { run } from './shell.js'

export type Layer = { readonly diffId: string; readonly tar: Buffer }

/** An image in memory: the same bytes, hence the same id, wherever it is loaded or pushed. */
export type LabImage = {
  /** `shop/web:1` */
  readonly reference: string
  /** `sha256:…` of the configuration: what the engine calls the image's id. */
  readonly id: string
  readonly config: Buffer
  readonly layers: readonly Layer[]
}

export type ImageSpec = {
  readonly files?: Readonly<
    Record<string, string | Buffer | { readonly content: string | Buffer; readonly mode: number }>
  >
  readonly env?: Readonly<Record<string, string>>
  readonly cmd?: readonly string[]
  readonly entrypoint?: readonly string[]
  readonly labels?: Readonly<Record<string, string>>
  readonly exposedPorts?: readonly number[]
  readonly user?: string
  readonly workdir?: string
  readonly stopSignal?: string
  readonly volumes?: readonly string[]
  readonly healthcheck?: {
    /** As in a Dockerfile's configuration: `['CMD', 'wget', …]` or `['CMD-SHELL', '…']`. */
    readonly test: readonly string[]
    readonly intervalMs?: number
    readonly timeoutMs?: number
    readonly startPeriodMs?: number
    readonly retries?: number
  }
  /** Bytes that do not compress, to make a pull take time or a disk full. */
  readonly ballastBytes?: number
}

const epoch = new Date(0)

/** busybox:1.36, so called: made from the busybox-static of Debian 13 (1.37). */
export async function makeBusybox(): Promise<LabImage> {
  const program = readFileSync(busyboxPath)
  const applets = (await run(busyboxPath, ['--list'])).split('\n').filter((name) => name !== '' && name !== 'busybox')
  const tar = await makeTar((archive) => {
    for (const folder of ['bin', 'etc', 'root', 'var', 'var/www', 'run', 'home']) addFolder(archive, folder, 0o755)
    addFolder(archive, 'tmp', 0o1777)
    addFile(archive, 'bin/busybox', program, 0o755)
    for (const name of applets) {
      archive.entry({ name: `bin/${name}`, type: 'link', linkname: 'bin/busybox', mtime: epoch, mode: 0o755 })
    }
    addFile(
      archive,
      'etc/passwd',
      'root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/var/www:/bin/false\n',
      0o644,
    )
    addFile(archive, 'etc/group', 'root:x:0:\nwww-data:x:33:\n', 0o644)
  })
  return assemble('busybox:1.36', [layerOf(tar)], { cmd: ['sh'] }, ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'])
}

/** What `makeHaproxy` makes. */
export const HAPROXY_IMAGE = 'slipway/haproxy:2.6'

/** HAProxy as Debian has it, with the libraries that it loads, on top of busybox. As in Docker's own image its user is no root. */
export async function makeHaproxy(base: LabImage): Promise<LabImage> {
  const program = '/usr/sbin/haproxy'
  const libraries = (await run('ldd', [program])).match(/\/\S+(?= \()/g) ?? []
  const files = [program, ...libraries].map((path) => [path, { content: readFileSync(path), mode: 0o755 }] as const)
  return makeImage(HAPROXY_IMAGE, base, {
    files: Object.fromEntries(files),
    cmd: ['haproxy', '-f', '/usr/local/etc/haproxy/haproxy.cfg'],
    user: '99',
    stopSignal: 'SIGUSR1',
  })
}

/** An image on top of another: its files in one more layer, its settings instead of the base's. */
export async function makeImage(reference: string, base: LabImage, spec: ImageSpec): Promise<LabImage> {
  const files = Object.entries(spec.files ?? {})
  const layers = [...base.layers]
  if (files.length > 0 || spec.ballastBytes !== undefined) {
    const tar = await makeTar((archive) => {
      for (const [path, file] of files.sort(([a], [b]) => (a < b ? -1 : 1))) {
        const isPlain = typeof file === 'string' || Buffer.isBuffer(file)
        addFile(archive, path.replace(/^\/+/, ''), isPlain ? file : file.content, isPlain ? 0o755 : file.mode)
      }
      if (spec.ballastBytes !== undefined) addFile(archive, 'ballast', ballast(spec.ballastBytes), 0o644)
    })
    layers.push(layerOf(tar))
  }
  const baseEnv = (JSON.parse(base.config.toString()) as { config: { Env: string[] } }).config.Env
  return assemble(reference, layers, spec, baseEnv)
}

/** Noise that is the same every time. */
function ballast(bytes: number): Buffer {
  const blocks: Buffer[] = []
  let block = Buffer.from('slipway')
  for (let made = 0; made < bytes; made += block.length) {
    block = createHash('sha512').update(block).digest()
    blocks.push(block)
  }
  return Buffer.concat(blocks).subarray(0, bytes)
}

function assemble(reference: string, layers: readonly Layer[], spec: ImageSpec, baseEnv: readonly string[]): LabImage {
  const nanoseconds = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : ms * 1_000_000)
  const check = spec.healthcheck
  const config = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: epoch.toISOString(),
    config: {
      Env: [...baseEnv, ...Object.entries(spec.env ?? {}).map(([name, value]) => `${name}=${value}`)],
      Cmd: spec.cmd ?? null,
      Entrypoint: spec.entrypoint ?? null,
      Labels: spec.labels ?? null,
      User: spec.user ?? '',
      WorkingDir: spec.workdir ?? '',
      StopSignal: spec.stopSignal,
      ExposedPorts: keysToEmpty(spec.exposedPorts?.map((port) => `${port}/tcp`)),
      Volumes: keysToEmpty(spec.volumes),
      Healthcheck: check && {
        Test: check.test,
        Interval: nanoseconds(check.intervalMs),
        Timeout: nanoseconds(check.timeoutMs),
        StartPeriod: nanoseconds(check.startPeriodMs),
        Retries: check.retries,
      },
    },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
    history: layers.map(() => ({ created: epoch.toISOString(), created_by: 'slipway lab' })),
  }
  const bytes = Buffer.from(JSON.stringify(config))
  return { reference, id: digestOf(bytes), config: bytes, layers }
}

function keysToEmpty(keys: readonly string[] | undefined): Record<string, object> | undefined {
  return keys === undefined ? undefined : Object.fromEntries(keys.map((key) => [key, {}]))
}

/** The image as `docker load` wants it. */
export function toDockerArchive(image: LabImage): Promise<Buffer> {
  const hex = (digest: string): string => digest.slice('sha256:'.length)
  const manifest = [
    {
      Config: `${hex(image.id)}.json`,
      RepoTags: [image.reference],
      Layers: image.layers.map((layer) => `${hex(layer.diffId)}.tar`),
    },
  ]
  return makeTar((archive) => {
    for (const layer of image.layers) addFile(archive, `${hex(layer.diffId)}.tar`, layer.tar, 0o644)
    addFile(archive, `${hex(image.id)}.json`, image.config, 0o644)
    addFile(archive, 'manifest.json', JSON.stringify(manifest), 0o644)
  })
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

function layerOf(tar: Buffer): Layer {
  return { diffId: digestOf(tar), tar }
}

function addFile(archive: Pack, name: string, content: string | Buffer, mode: number): void {
  archive.entry({ name, mode, mtime: epoch, uid: 0, gid: 0 }, content)
}

function addFolder(archive: Pack, name: string, mode: number): void {
  const header: Headers = { name: `${name}/`, type: 'directory', mode, mtime: epoch, uid: 0, gid: 0 }
  archive.entry(header)
}

async function makeTar(fill: (archive: Pack) => void): Promise<Buffer> {
  const archive = pack()
  fill(archive)
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk)
  return Buffer.concat(chunks)
}
