import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { runInside, startInside, tryRunInside } from './capsule.js'
import { digestOf, type LabImage } from './image.js'
import { addressIn, hubHost } from './network.js'
import type { ProcessIdentity } from './processes.js'
import { run, waitUntil } from './shell.js'

export type PushedImage = {
  /** `10.213.1.254:5000/shop/web:1`: what a Compose file names. */
  readonly reference: string
  /** `sha256:…` of the manifest. */
  readonly digest: string
  /** Reference by digest. */
  readonly pinned: string
}

export type LabRegistry = {
  /** `10.213.1.254:5000`, the same from the machine and from every server; plain HTTP, which the engines allow. */
  readonly address: string
  /** Pushes through the registry's API; no engine takes part. `reference` replaces the image's own. */
  push(image: LabImage, reference?: string): Promise<PushedImage>
  /** Ends the registry; what was pushed stays. */
  stop(): Promise<void>
  start(): Promise<void>
}

export type PrivateRegistry = LabRegistry & { readonly user: string; readonly password: string }

type Credentials = { readonly user: string; readonly password: string }
const credentials: Credentials = { user: 'slipway', password: 'lab-password' }

export function openRegistry(labDir: string, hub: ProcessIdentity, subnet: number): LabRegistry {
  return makeRegistry(labDir, hub, 'open', `${addressIn(subnet, hubHost)}:5000`, undefined)
}

export function privateRegistry(labDir: string, hub: ProcessIdentity, subnet: number): PrivateRegistry {
  const registry = makeRegistry(labDir, hub, 'private', `${addressIn(subnet, hubHost)}:5001`, credentials)
  return { ...registry, ...credentials }
}

function makeRegistry(
  labDir: string,
  hub: ProcessIdentity,
  name: string,
  address: string,
  login: Credentials | undefined,
): LabRegistry {
  const dir = join(labDir, 'registry', name)
  const headers = login === undefined ? {} : { authorization: basicAuth(login) }
  return {
    address,
    push: (image, reference) => pushImage(address, headers, image, reference ?? image.reference),
    start: async () => {
      mkdirSync(dir, { recursive: true })
      await writeConfig(dir, address, login)
      const script = 'echo $$ > "/run/registry-$1.pid"; exec docker-registry serve "$2"'
      const command = ['sh', '-c', script, 'registry', name, join(dir, 'config.yml')]
      if (await isUp(address)) return
      await startInside(hub, command, join(labDir, 'hub', `registry-${name}.log`))
      await waitUntil(`registry ${name}`, () => isUp(address))
    },
    stop: async () => {
      await tryRunInside(hub, ['sh', '-c', 'kill -9 "$(cat "/run/registry-$1.pid")"', 'stop', name])
      await runInside(hub, ['rm', '-f', `/run/registry-${name}.pid`])
      await waitUntil(`end of registry ${name}`, async () => !(await isUp(address)))
    },
  }
}

function basicAuth(login: Credentials): string {
  return `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
}

async function isUp(address: string): Promise<boolean> {
  try {
    const answer = await fetch(`http://${address}/v2/`, { signal: AbortSignal.timeout(2000) })
    await answer.arrayBuffer()
    return answer.status === 200 || answer.status === 401
  } catch {
    return false
  }
}

async function writeConfig(dir: string, address: string, login: Credentials | undefined): Promise<void> {
  const config = {
    version: 0.1,
    log: { level: 'warn', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: join(dir, 'data') }, delete: { enabled: true } },
    http: { addr: address },
    ...(login && { auth: { htpasswd: { realm: 'slipway-lab', path: join(dir, 'htpasswd') } } }),
  }
  // JSON is YAML.
  writeFileSync(join(dir, 'config.yml'), JSON.stringify(config))
  if (login === undefined) return
  // The registry takes bcrypt alone; crypt(3) can do it, and perl, always there on Debian, has crypt(3).
  const salt = '$2y$05$slipwaylabslipwaylab..'
  const hash = await run('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', login.password, salt])
  writeFileSync(join(dir, 'htpasswd'), `${login.user}:${hash}\n`, { mode: 0o600 })
}

const mediaType = {
  manifest: 'application/vnd.docker.distribution.manifest.v2+json',
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
} as const

type Descriptor = { readonly mediaType: string; readonly size: number; readonly digest: string }
type Headers = Readonly<Record<string, string>>

async function pushImage(address: string, headers: Headers, image: LabImage, reference: string): Promise<PushedImage> {
  const [, repository, tag] = /^(?:[^/]*[.:][^/]*\/)?([^:]+):([^/:]+)$/.exec(reference) ?? []
  if (repository === undefined || tag === undefined) throw new Error(`${reference}: want name:tag`)
  const base = `http://${address}/v2/${repository}`
  const layers: Descriptor[] = []
  for (const layer of image.layers)
    layers.push(await pushBlob(base, headers, gzipSync(layer.tar, { level: 1 }), 'layer'))
  const config = await pushBlob(base, headers, image.config, 'config')
  const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaType.manifest, config, layers }))
  const put = { ...headers, 'content-type': mediaType.manifest }
  await call(`${base}/manifests/${tag}`, 'PUT', put, manifest)
  const digest = digestOf(manifest)
  return {
    reference: `${address}/${repository}:${tag}`,
    digest,
    pinned: `${address}/${repository}@${digest}`,
  }
}

async function pushBlob(base: string, headers: Headers, bytes: Buffer, kind: 'config' | 'layer'): Promise<Descriptor> {
  const digest = digestOf(bytes)
  const known = await fetch(`${base}/blobs/${digest}`, { method: 'HEAD', headers })
  if (known.status !== 200) {
    const upload = await call(`${base}/blobs/uploads/`, 'POST', headers)
    const place = new URL(upload.headers.get('location') ?? '', base)
    place.searchParams.set('digest', digest)
    await call(place.href, 'PUT', { ...headers, 'content-type': 'application/octet-stream' }, bytes)
  }
  return { mediaType: mediaType[kind], size: bytes.length, digest }
}

async function call(url: string, method: string, headers: Headers, body?: Buffer): Promise<Response> {
  const answer = await fetch(url, { method, headers, body: body === undefined ? null : new Uint8Array(body) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`registry: ${method} ${url}: ${answer.status} ${text}`)
  return answer
}
