import { spawn } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../../driver/fixtures.js'
import { plainEnvironment, run } from '../../lab/shell.js'

export interface PebbleOptions {
  /** Where it looks for HTTP-01. */
  readonly httpPort?: number
  readonly validForSeconds?: number
  /** Accounts that it binds to, by kid: secrets in base64url. Absent: it binds none. */
  readonly bindings?: Readonly<Record<string, string>>
  /** PEBBLE_… that play with clients. */
  readonly env?: Readonly<Record<string, string>>
  /** Address that every name has. Default 127.0.0.1. */
  readonly namesAt?: string
}

/** A certificate authority for tests, and the name server that it asks, both of this machine. */
export interface Pebble {
  readonly directory: string
  /** Authority to believe for the directory. */
  readonly ca: string
  /** Root of the certificates that it gives, as PEM. */
  root(): Promise<string>
  /** TXT records, set as DNS-01 wants them. */
  readonly txtServer: string
  /** Gives names another address from now on. */
  setNamesAt(address: string): Promise<void>
  log(): string
  /** Starts it anew: it knows nobody any more. */
  restart(): Promise<void>
  stop(): Promise<void>
}

export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  const dir = mkdtempSync(join(tmpdir(), 'slipway-pebble-'))
  const [acme, management, dns, txt] = await freePorts(4)
  await makeCertificate(dir)
  const config = {
    pebble: {
      listenAddress: `127.0.0.1:${acme}`,
      managementListenAddress: `127.0.0.1:${management}`,
      certificate: join(dir, 'cert.pem'),
      privateKey: join(dir, 'key.pem'),
      httpPort: options.httpPort ?? 5002,
      tlsPort: 5001,
      externalAccountBindingRequired: options.bindings !== undefined,
      externalAccountMACKeys: options.bindings ?? {},
      domainBlocklist: ['blocked.example'],
      certificateValidityPeriod: options.validForSeconds ?? 90 * 86_400,
    },
  }
  writeFileSync(join(dir, 'config.json'), JSON.stringify(config))
  const names = ['-defaultIPv4', options.namesAt ?? '127.0.0.1', '-defaultIPv6', '']
  const quiet = ['-http01', '', '-https01', '', '-tlsalpn01', '']
  const listen = ['-dns01', `127.0.0.1:${dns}`, '-management', `127.0.0.1:${txt}`]
  const program = ['-config', join(dir, 'config.json'), '-dnsserver', `127.0.0.1:${dns}`, '-strict']
  const env = { PEBBLE_VA_NOSLEEP: '1', ...options.env }
  const server = start(dir, 'names', 'pebble-challtestsrv', [...names, ...quiet, ...listen], {})
  let authority = start(dir, 'pebble', 'pebble', program, env)
  const ca = readFileSync(join(dir, 'cert.pem'), 'utf8')
  const read = (url: string): Promise<string> => getText(url, ca)
  const answers = (): Promise<void> =>
    until('pebble answers', () =>
      read(`https://127.0.0.1:${acme}/dir`).then(
        () => true,
        () => false,
      ),
    )
  await answers()
  return {
    directory: `https://127.0.0.1:${acme}/dir`,
    ca,
    root: () => read(`https://127.0.0.1:${management}/roots/0`),
    txtServer: `http://127.0.0.1:${txt}`,
    setNamesAt: async (ip) => {
      await fetch(`http://127.0.0.1:${txt}/set-default-ipv4`, { method: 'POST', body: JSON.stringify({ ip }) })
    },
    log: () => readFileSync(join(dir, 'pebble.log'), 'utf8'),
    restart: async () => {
      await authority.stop()
      authority = start(dir, 'pebble', 'pebble', program, env)
      await answers()
    },
    stop: async () => {
      await Promise.all([server.stop(), authority.stop()])
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function start(
  dir: string,
  name: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
) {
  const log = openSync(join(dir, `${name}.log`), 'w')
  const child = spawn(program, args, { stdio: ['ignore', log, log], env: { ...plainEnvironment(), ...env } })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return {
    stop: () => {
      child.kill('SIGKILL')
      return ended
    },
  }
}

function getText(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (response) => {
      response.setEncoding('utf8')
      const chunks: string[] = []
      response.on('data', (chunk: string) => chunks.push(chunk))
      response.on('end', () => resolve(chunks.join('')))
    }).on('error', reject)
  })
}

async function makeCertificate(dir: string): Promise<void> {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', join(dir, 'key.pem')]
  const names = ['-subj', '/CN=pebble of a test', '-addext', 'subjectAltName=IP:127.0.0.1']
  await run('openssl', ['req', '-x509', ...key, '-out', join(dir, 'cert.pem'), '-days', '2', ...names])
}

export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listening()))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function listening(): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve) => {
    const server = createServer()
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}
