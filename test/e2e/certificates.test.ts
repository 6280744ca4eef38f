import { existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { request } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startPebble } from '../acme/lab/pebble.js'
import type { Pebble } from '../acme/lab/pebble.js'
import { PROXY_IMAGE, startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'

const HOST = 'shop.example.com'
const OTHER = 'blog.example.com'
/** Renewed after 40 s, so that a test can see it. */
const LIFE_S = 60

let fleet: TestFleet
let pebble: Pebble
let root: string

function shop(...hosts: readonly string[]): string {
  const routes = hosts.map((host) => ({ host, port: 8080, tls: 'acme' }))
  return compose({ web: { image: 'shop/web:1', deploy: { replicas: 2 }, 'x-slipway': { routes } } })
}

beforeAll(async () => {
  fleet = await startFleet({ name: 'e2e-acme', proxy: true, images: { 'shop/web:1': 'healthy' } })
  const namesAt = fleet.lab.server('lon-1').address
  pebble = await startPebble({ httpPort: 80, validForSeconds: LIFE_S, namesAt, env: { PEBBLE_WFE_NONCEREJECT: '20' } })
  root = await pebble.root()
  const acme = { directory: pebble.directory, email: 'ops@example.com', terms_agreed: true }
  const files = {
    'slipway.yaml': fleetFile(fleet.lab, { ingress: { image: PROXY_IMAGE, acme } }),
    [STACK]: shop(HOST),
  }
  const sha = await fleet.commit(files, 'The shop opens')
  fleet.boot({ acmeCa: pebble.ca })
  await fleet.settle(sha)
})

afterAll(async () => {
  await pebble?.stop()
  await fleet?.down()
})

interface Met {
  readonly status: number
  readonly serial: string
}

/** One request by a client that believes the authority; status 0: no connection. */
function ask(address: string, host = HOST): Promise<Met> {
  return new Promise((resolve) => {
    const sent = request(
      { host: address, servername: host, headers: { host }, ca: root, agent: false, timeout: 10_000 },
      (answer) => {
        const { socket } = answer as unknown as { readonly socket: { getPeerCertificate(): { serialNumber: string } } }
        const serial = socket.getPeerCertificate().serialNumber
        answer.resume().on('end', () => resolve({ status: answer.statusCode ?? 0, serial }))
      },
    )
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.on('error', () => resolve({ status: 0, serial: '' }))
    sent.end()
  })
}

function addresses(): readonly string[] {
  return fleet.lab.servers.map(({ address }) => address)
}

describe('a route with tls: acme', () => {
  it('is served by every server with one certificate of the authority', async () => {
    await fleet.until('all serve it', async () => {
      const met = await Promise.all(addresses().map((address) => ask(address)))
      return met.every(({ status }) => status === 200)
    })
    await fleet.until('with the same certificate', async () => {
      const met = await Promise.all(addresses().map((address) => ask(address)))
      return new Set(met.map(({ serial }) => serial)).size === 1
    })
    expect(fleet.status().certificates.map(({ host, failures }) => [host, failures])).toEqual([[HOST, 0]])
  })

  it('gets its next certificate under load: no request fails, no connection is cut', async () => {
    const [first = ''] = addresses()
    const before = (await ask(first)).serial
    const held = connect({ host: first, port: 443, servername: HOST, ca: root })
    let isCut = false
    held.on('close', () => (isCut = true)).on('error', () => (isCut = true))
    const failed: string[] = []
    const seen = new Set<string>()
    let isOver = false
    const loads = addresses().map(async (address) => {
      while (!isOver) {
        const { status, serial } = await ask(address)
        if (status === 200) seen.add(serial)
        else failed.push(`${address}: ${status}`)
      }
    })
    // Whoever is asked for something now and then keeps its connection, whatever certificate it began with.
    const asking = setInterval(() => held.write(`GET / HTTP/1.1\r\nhost: ${HOST}\r\n\r\n`), 1_000)
    held.resume()
    await fleet.until('all have another one', async () => {
      const met = await Promise.all(addresses().map((address) => ask(address)))
      return met.every(({ serial }) => serial !== before && serial !== '')
    })
    const wasCut = isCut
    isOver = true
    clearInterval(asking)
    await Promise.all(loads)
    held.destroy()
    expect(failed).toEqual([])
    expect(wasCut).toBe(false)
    expect(seen.size).toBeGreaterThan(1)
  })

  it('is served on by a controller that starts anew, without another order', async () => {
    const issued = (): number => pebble.log().match(/Issued certificate serial/g)?.length ?? 0
    await fleet.halt()
    const before = issued()
    const [first = ''] = addresses()
    const { serial } = await ask(first)
    fleet.boot({ acmeCa: pebble.ca })
    await fleet.until('it knows its certificates', () =>
      fleet.status().certificates.some(({ untilMs }) => untilMs !== null),
    )
    expect((await ask(first)).serial).toBe(serial)
    expect(issued()).toBe(before)
  })

  it('is served on without a break when the data directory has lost all certificates, without another order', async () => {
    const issued = (): number => pebble.log().match(/Issued certificate serial/g)?.length ?? 0
    await fleet.halt()
    const before = issued()
    const [first = ''] = addresses()
    const { serial } = await ask(first)
    rmSync(join(fleet.dataDir, 'certificates.sealed'))
    const failed: string[] = []
    let isOver = false
    const loads = addresses().map(async (address) => {
      while (!isOver) {
        const met = await ask(address)
        if (met.status !== 200 || met.serial !== serial) failed.push(`${address}: ${met.status} ${met.serial}`)
      }
    })
    // Pebble signs by another authority than the one of its address.
    fleet.boot({ acmeCa: `${pebble.ca}\n${root}` })
    await fleet.until('it has its certificates again', () => existsSync(join(fleet.dataDir, 'certificates.sealed')))
    await fleet.until('the proxies are as it wants them', () => fleet.stack('slipway').phase === 'synced')
    isOver = true
    await Promise.all(loads)
    expect(failed).toEqual([])
    expect(issued()).toBe(before)
  })

  it('whose host leads elsewhere says what the authority saw, and the others are served on', async () => {
    await pebble.setNamesAt('127.0.0.1')
    await fleet.deploy({ [STACK]: shop(HOST, OTHER) }, 'A blog')
    const about = () => fleet.stack('slipway').problems.filter(({ message }) => message.includes(OTHER))
    await fleet.until('it is said', () => about().length > 0)
    expect(about()).toMatchObject([{ code: 'ACME_CHALLENGE' }])
    expect(fleet.status().certificates).toMatchObject([
      { host: OTHER, untilMs: null, failures: 1 },
      { host: HOST, failures: 0 },
    ])
    await pebble.setNamesAt(fleet.lab.server('lon-1').address)
  })
})
