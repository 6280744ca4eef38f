import { pack } from 'tar-stream'
import type { EngineRequest } from '../../../src/driver/index.js'

export type Request = Pick<EngineRequest, 'method' | 'path' | 'query' | 'body' | 'archive'>

/** Names of a script as they are on an engine. */
export interface Names {
  readonly prefix: string
  readonly port: number
}

/** `=bridge` is taken as it stands. */
export function nameOf({ prefix }: Names, name: string): string {
  return name.startsWith('=')
    ? name.slice(1)
    : name.startsWith('-')
      ? `-${prefix}${name.slice(1)}`
      : `${prefix}-${name}`
}

export const IMAGES = ['steady', 'stubborn', 'quits', 'fails', 'heals', 'slow', 'hungry'] as const

export function imageOf(name: string): string {
  return `contract/${name}:1`
}

const CHECKS: Readonly<Record<string, readonly string[]>> = {
  well: ['CMD', 'true'],
  ill: ['CMD', 'false'],
  hangs: ['CMD', 'sleep', '60'],
  marked: ['CMD', 'test', '-e', '/marked'],
  none: ['NONE'],
}

export async function requestOf(words: readonly string[], names: Names): Promise<Request> {
  const [verb = '', first = '', second = ''] = words
  const name = (word: string): string => encodeURIComponent(nameOf(names, word))
  const container = `/containers/${name(first)}`
  const patience = second === '' ? {} : { query: { t: second } }
  switch (verb) {
    case 'create':
      return {
        method: 'POST',
        path: '/containers/create',
        query: { name: nameOf(names, first) },
        body: creation(second, optionsOf(words.slice(3)), names),
      }
    case 'start':
    case 'pause':
    case 'unpause':
      return { method: 'POST', path: `${container}/${verb}` }
    case 'stop':
    case 'restart':
      return { method: 'POST', path: `${container}/${verb}`, ...patience }
    case 'kill':
      return { method: 'POST', path: `${container}/kill`, ...(second === '' ? {} : { query: { signal: second } }) }
    case 'rm':
      return { method: 'DELETE', path: container, ...(second === 'force' ? { query: { force: '1' } } : {}) }
    case 'rename':
      return { method: 'POST', path: `${container}/rename`, query: { name: nameOf(names, second) } }
    case 'update':
      return { method: 'POST', path: `${container}/update`, body: limits(Number(second || '60')) }
    case 'inspect':
      return { method: 'GET', path: `${container}/json` }
    case 'exec':
      return {
        method: 'POST',
        path: `${container}/exec`,
        body: { Cmd: second === 'ill' ? ['false'] : ['true'], AttachStdout: true, AttachStderr: true },
      }
    case 'files':
      return { method: 'PUT', path: `${container}/archive`, query: { path: '/' }, archive: await oneFile() }
    case 'network':
      return { method: 'POST', path: '/networks/create', body: { Name: nameOf(names, first), CheckDuplicate: true } }
    case 'unnetwork':
      return { method: 'DELETE', path: `/networks/${name(first)}` }
    case 'seenetwork':
      return { method: 'GET', path: `/networks/${name(first)}` }
    case 'connect':
      return { method: 'POST', path: `/networks/${name(first)}/connect`, body: { Container: nameOf(names, second) } }
    case 'volume':
      return { method: 'POST', path: '/volumes/create', body: { Name: nameOf(names, first) } }
    case 'unvolume':
      return { method: 'DELETE', path: `/volumes/${name(first)}` }
    case 'seevolume':
      return { method: 'GET', path: `/volumes/${name(first)}` }
    case 'seeimage':
      return { method: 'GET', path: `/images/${encodeURIComponent(imageOf(first))}/json` }
    case 'tag':
      return {
        method: 'POST',
        path: `/images/${encodeURIComponent(imageOf(first))}/tag`,
        query: { repo: `contract/${second}`, tag: '1' },
      }
    default:
      throw new Error(`no call is named ${verb}`)
  }
}

function optionsOf(words: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]))
}

function limits(megabytes: number): Readonly<Record<string, number>> {
  return { Memory: megabytes * 1024 * 1024, MemorySwap: megabytes * 2 * 1024 * 1024 }
}

function creation(image: string, options: Readonly<Record<string, string>>, names: Names): unknown {
  const { signal, timeout, cmd, restart, port, net, vol, memory, readonly, health } = options
  const [policy, retries] = (restart ?? 'no').split(':')
  const host: Record<string, unknown> = {
    RestartPolicy: { Name: policy, MaximumRetryCount: Number(retries ?? '0') },
    ReadonlyRootfs: readonly === '1',
    ...(memory === undefined ? {} : { Memory: Number(memory) * 1024 * 1024 }),
    ...(vol === undefined ? {} : { Binds: [`${nameOf(names, vol)}:/data`] }),
    ...(net === undefined ? {} : { NetworkMode: nameOf(names, net) }),
  }
  const body: Record<string, unknown> = {
    Image: imageOf(image),
    HostConfig: host,
    ...(signal === undefined ? {} : { StopSignal: signal }),
    ...(timeout === undefined || health !== undefined ? {} : { StopTimeout: Number(timeout) }),
    ...(cmd === undefined ? {} : { Cmd: [cmd] }),
    ...(health === undefined ? {} : { Healthcheck: check(health, options) }),
  }
  if (port === undefined) return body
  const [number = '', hostIp = ''] = port.split('@')
  const [offset = '1', protocol = 'tcp'] = number.split('/')
  host['PortBindings'] = { [`80/${protocol}`]: [{ HostIp: hostIp, HostPort: String(names.port + Number(offset)) }] }
  return { ...body, ExposedPorts: { [`80/${protocol}`]: {} } }
}

function check(kind: string, options: Readonly<Record<string, string>>): unknown {
  const nanoseconds = (key: string): number => Number(options[key] ?? '0') * 1e6
  return {
    Test: CHECKS[kind],
    Interval: nanoseconds('interval'),
    Timeout: nanoseconds('timeout'),
    StartPeriod: nanoseconds('period'),
    Retries: Number(options['retries'] ?? '0'),
  }
}

async function oneFile(): Promise<Buffer> {
  const archive = pack()
  archive.entry({ name: 'etc/told', mtime: new Date(0) }, 'once')
  archive.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of archive) chunks.push(chunk)
  return Buffer.concat(chunks)
}
