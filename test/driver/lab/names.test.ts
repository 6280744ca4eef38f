import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeHaproxy, startLab } from '../../lab/index.js'
import type { Lab } from '../../lab/index.js'
import type { BalancedService, GivenNames, ProxySeen, ProxyTable, Replica } from '../../../src/model/index.js'
import { SHOP_NETWORK, must, never, runAction, until } from '../fixtures.js'
import type { TestDriver } from '../fixtures.js'
import { busybox, labDriver, replicasOf, startProxy, useAll } from './lab-fixtures.js'

const ADDRESS = '198.18.9.9'
const RANGE = '198.18.0.0/16'
const BLOG_NETWORK = { ...SHOP_NETWORK, name: 'blog_default' }

/** The kernel says so at most once a second. */
const NOWHERE = /No route to host|timed out/

let lab: Lab
let driver: TestDriver

beforeAll(async () => {
  lab = await startLab({
    name: 'driver-names',
    servers: [
      { name: 'old', engine: 'old' },
      { name: 'new', engine: 'newest' },
    ],
  })
  await lab.load(await makeHaproxy(lab.busybox))
  driver = labDriver(lab)
  useAll(driver, lab)
})

afterAll(async () => {
  await driver?.close()
  await lab?.down()
})

async function start(server: string, key: string, network = SHOP_NETWORK, names?: GivenNames): Promise<Replica> {
  must(await driver.perform({ kind: 'ensure-network', server, stack: 'shop', network }, never))
  const command = ['sh', '-c', `mkdir /www; echo ${key} > /www/index.html; exec httpd -f -p 8080 -h /www`]
  const networks = [{ network: network.name, aliases: [] }]
  const spec = { networks, command, stopGraceMs: 0, naming: { expose: ['8080/tcp', '53/udp'] } }
  const action = runAction(server, spec, await busybox(driver, server), key)
  const { containerId } = must(await driver.perform({ ...action, ...(names === undefined ? {} : { names }) }, never))
  const found = (await replicasOf(driver, server)).find((replica) => replica.containerId === containerId)
  if (found === undefined) throw new Error('not listed')
  return found
}

describe.each(['old', 'new'])('a name, on the %s engine', (server) => {
  let proxy: string
  let replica: Replica
  let client: Replica
  let stranger: Replica
  let from: readonly string[]

  const named = (port = 8080): BalancedService => ({
    key: `shop/web:${port}`,
    protocol: 'tcp',
    listen: [],
    local: [
      {
        containerId: replica.containerId,
        address: Object.values(replica.addresses)[0] ?? '',
        port: 8080,
        state: 'ready',
      },
    ],
    remote: [],
    name: { address: ADDRESS, port, from },
  })
  const balance = async (services: readonly BalancedService[]): Promise<ProxySeen> => {
    const table: ProxyTable = { server, services, peers: [], mesh: null, range: RANGE }
    return must(await driver.balance(server, proxy, table, never))
  }
  const ask = (who: Replica, url: string): Promise<string> => {
    const script = `wget -q -T 3 -O - ${url} 2>&1 || echo failed`
    return lab.server(server).run('docker', 'exec', who.containerId, 'sh', '-c', script)
  }
  const routes = (): Promise<string> => lab.server(server).run('ip', 'route', 'show', 'table', 'all')

  beforeAll(async () => {
    proxy = await startProxy(driver, server)
    replica = await start(server, '1')
    client = await start(server, '2', SHOP_NETWORK, { address: null, hosts: [{ name: 'db', address: ADDRESS }] })
    stranger = await start(server, '3', BLOG_NETWORK, { address: null, hosts: [{ name: 'db', address: ADDRESS }] })
    const { networks } = must(await driver.observe(server, [], never))
    from = networks.find(({ name }) => name === SHOP_NETWORK.name)?.subnets ?? []
    await balance([named()])
  })

  it('is in the container, and the ports that it exposes and the names that it was given are listed', () => {
    expect(client.exposes).toEqual([8080])
    expect(client.named).toEqual({ address: '', knows: ['db'] })
    expect(replica.named).toBeUndefined()
    expect(from).toHaveLength(1)
  })

  it('reaches the replica, from its network alone', async () => {
    await until('it is answered', async () => (await ask(client, 'http://db:8080/')).trim() === '1')
    expect(await ask(stranger, 'http://db:8080/')).toContain('failed')
  })

  it('leads nowhere at an address that is not served, and is refused where nobody is ready', async () => {
    expect(await ask(client, 'http://198.18.9.8:8080/')).toMatch(NOWHERE)
    await balance([{ ...named(), local: [] }])
    expect(await ask(client, 'http://db:8080/')).toContain('failed')
    await balance([named()])
    await until('it is answered', async () => (await ask(client, 'http://db:8080/')).trim() === '1')
  })

  it('has its address again after the proxy was started anew', async () => {
    await lab.server(server).run('ip', 'route', 'del', 'local', `${ADDRESS}/32`, 'dev', 'lo', 'table', 'local')
    expect(await ask(client, 'http://db:8080/')).toContain('failed')
    await lab.server(server).run('docker', 'restart', '-t', '1', proxy)
    await until('it is answered', async () => (await ask(client, 'http://db:8080/')).trim() === '1')
  })

  it('is not served where something listens on its port at all addresses, and is not the address of that', async () => {
    const holder = await lab
      .server(server)
      .run('docker', 'run', '-d', '-p', '8099:8080', 'busybox:1.36', 'httpd', '-f', '-p', '8080')
    const held = await balance([named(8099)])
    expect(held.unserved).toEqual(['shop/web:8099'])
    expect(await ask(client, `http://${ADDRESS}:8099/`)).toMatch(NOWHERE)
    await lab.server(server).run('docker', 'rm', '-f', holder.trim())
    expect((await balance([named(8099)])).unserved).toBeUndefined()
    await until('it is answered', async () => (await ask(client, `http://${ADDRESS}:8099/`)).trim() === '1')
  })

  it('leaves nothing on the server when it goes', async () => {
    expect(await routes()).toContain(ADDRESS)
    await balance([])
    expect(await routes()).not.toContain(ADDRESS)
  })
})
