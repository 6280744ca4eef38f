import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openAuthority } from '../../../src/mesh/index.js'
import { dnsLabel } from '../../../src/model/index.js'
import { must } from '../../driver/fixtures.js'
import { run } from '../../lab/shell.js'
import { testAuthority } from '../papers.js'
import { frontOf, routeOf, serviceOf, tableOf } from '../tables.js'
import { freePort, startRealProxy } from './real-proxy.js'
import type { RealProxy } from './real-proxy.js'

const HOST = 'shop.example.com'
let proxy: RealProxy
let ports: { readonly https: number; readonly mesh: number }
let dir: string

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'slipway-scan-'))
  const authority = openAuthority({ dir, clock: { nowMs: () => Date.now() } })
  must(await authority.renew('acme', ['lon-1', 'lon-2']))
  const [own, other] = ['lon-1', 'lon-2'].map((server) => authority.identity(server))
  if (own === null || own === undefined) throw new Error('lon-1 is nobody')
  writeFileSync(join(dir, 'other.pem'), other?.certificate ?? '')
  const { pem } = await (await testAuthority()).issue([HOST])
  ports = { https: await freePort(), mesh: await freePort() }
  const local = [{ containerId: 'c', address: '127.0.0.1', port: 9, state: 'ready' }] as const
  const routes = [routeOf({ hosts: [HOST], tls: { kind: 'own', name: 'shop', pem } })]
  const certificates = [{ name: 'shop', hosts: [HOST], pem }]
  proxy = await startRealProxy(
    tableOf([serviceOf({ local, routes })], {
      front: frontOf({ httpPort: await freePort(), httpsPort: ports.https, certificates }),
      peers: [{ server: 'lon-2', host: '127.0.0.1', port: await freePort() }],
      mesh: { port: ports.mesh, ...own },
    }),
  )
})

afterAll(async () => {
  await proxy?.stop()
  rmSync(dir, { recursive: true, force: true })
})

interface Report {
  readonly protocols: readonly string[]
  readonly ciphers: readonly string[]
  readonly groups: readonly string[]
  /** What a scanner warns of, and is there. */
  readonly weak: readonly string[]
}

/** What Debian's scanner finds at a port. */
async function scan(port: number, ...options: readonly string[]): Promise<Report> {
  const report = await run('sslscan', ['--xml=-', '--no-check-certificate', ...options, `127.0.0.1:${port}`])
  const all = (name: string): readonly Readonly<Record<string, string>>[] =>
    [...report.matchAll(new RegExp(`<${name} ([^>]*?)/?>`, 'g'))].map(([, text = '']) =>
      Object.fromEntries([...text.matchAll(/([a-zA-Z]+)="([^"]*)"/g)].map(([, key = '', value = '']) => [key, value])),
    )
  const names = (list: readonly (string | undefined)[]): readonly string[] => [...new Set(list.map(String))].sort()
  return {
    protocols: all('protocol').flatMap(({ type, version, enabled }) => (enabled === '1' ? [`${type} ${version}`] : [])),
    ciphers: names(all('cipher').map(({ cipher }) => cipher)),
    groups: names(all('group').map(({ name }) => name)),
    weak: [
      ...all('cipher').flatMap(({ cipher, strength }) =>
        strength === 'strong' || strength === 'acceptable' ? [] : [`cipher ${cipher} is ${strength}`],
      ),
      ...all('compression').flatMap(({ supported }) => (supported === '0' ? [] : ['compression'])),
      ...all('renegotiation').flatMap(({ supported, secure }) =>
        supported === '0' || secure === '1' ? [] : ['renegotiation that is not secure'],
      ),
      ...all('heartbleed').flatMap(({ vulnerable }) => (vulnerable === '0' ? [] : ['Heartbleed'])),
    ],
  }
}

const GROUPS = ['secp256r1 (NIST P-256)', 'secp384r1 (NIST P-384)', 'x25519']
const TLS13 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

describe('a scanner finds nothing old or weak', () => {
  it('where clients reach routes', async () => {
    const aead = ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305']
    expect(await scan(ports.https, `--sni-name=${HOST}`)).toEqual({
      protocols: ['tls 1.2', 'tls 1.3'],
      ciphers: [...aead.map((name) => `ECDHE-ECDSA-${name}`), ...TLS13],
      groups: GROUPS,
      weak: [],
    })
  })

  it('where proxies reach each other', async () => {
    const papers = join(dir, 'other.pem')
    const name = `--sni-name=${dnsLabel('shop/web:8080')}.lon-1.mesh`
    expect(await scan(ports.mesh, name, `--certs=${papers}`, `--pk=${papers}`)).toEqual({
      protocols: ['tls 1.3'],
      ciphers: TLS13,
      groups: GROUPS,
      weak: [],
    })
  })

  it('and sees that without a name, and for one that nobody has, there is no handshake', async () => {
    for (const name of ['nobody.example.com', '127.0.0.1'])
      expect(await scan(ports.https, `--sni-name=${name}`)).toMatchObject({ protocols: [], ciphers: [] })
  })
})
