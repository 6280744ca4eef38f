import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerOn, makeHaproxy, startLab } from '../../lab/index.js'
import type { Lab } from '../../lab/index.js'
import { openAuthority } from '../../../src/mesh/index.js'
import type { BalancedService, ProxySeen, ProxyTable, ProxyTarget, Replica } from '../../../src/model/index.js'
import { ask, startLoad } from '../../ingress/lab/load.js'
import type { Load } from '../../ingress/lab/load.js'
import { FLEET, SHOP_NETWORK, clock, must, never, problemOf, runAction, until } from '../fixtures.js'
import type { TestDriver } from '../fixtures.js'
import { busybox, labDriver, replicasOf, startProxy, useAll } from './lab-fixtures.js'

let lab: Lab
let driver: TestDriver

beforeAll(async () => {
  lab = await startLab({
    name: 'driver-proxy',
    servers: [
      { name: 'old', engine: 'old' },
      { name: 'new', engine: 'modern' },
      { name: 'narrow', engine: 'modern', sshd: { AllowStreamLocalForwarding: 'no' } },
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

async function balance(server: string, containerId: string, table: ProxyTable): Promise<ProxySeen> {
  return must(await driver.balance(server, containerId, table, never))
}

/** Answers with its own name. */
async function startReplica(server: string, key: string): Promise<Replica> {
  must(await driver.perform({ kind: 'ensure-network', server, stack: 'shop', network: SHOP_NETWORK }, never))
  const command = ['sh', '-c', `mkdir /www; echo ${server}#${key} > /www/index.html; exec httpd -f -p 8080 -h /www`]
  const networks = [{ network: 'shop_default', aliases: [] }]
  const action = runAction(server, { networks, command, stopGraceMs: 0 }, await busybox(driver, server), key)
  const { containerId } = must(await driver.perform(action, never))
  const found = (await replicasOf(driver, server)).find((replica) => replica.containerId === containerId)
  if (found === undefined) throw new Error('not listed')
  return found
}

function targetOf(replica: Replica, state: ProxyTarget['state'] = 'ready'): ProxyTarget {
  const address = Object.values(replica.addresses)[0] ?? ''
  return { containerId: replica.containerId, address, port: 8080, state }
}

function web(changes: Partial<BalancedService>): BalancedService {
  const listen = [{ hostIp: '', port: 8088 }]
  return { key: 'shop/web:8080', protocol: 'http', listen, local: [], remote: [], ...changes }
}

function get(server: string, port = 8088): Promise<string> {
  return ask({ host: lab.server(server).address, port })
}

describe.each(['old', 'new'])('a proxy over ssh, on the %s engine', (server) => {
  const table = (...services: readonly BalancedService[]): ProxyTable => ({ server, services, peers: [], mesh: null })
  let proxy: string
  let replicas: readonly Replica[]

  beforeAll(async () => {
    proxy = await startProxy(driver, server)
    replicas = [await startReplica(server, '1'), await startReplica(server, '2')]
  })

  it('serves nothing and is not healthy until it has a table', async () => {
    const [listed] = (await replicasOf(driver, server)).filter(({ containerId }) => containerId === proxy)
    if (listed === undefined) throw new Error('not listed')
    const asked = { replica: listed, probe: null, healthcheck: true }
    expect(must(await driver.ask(server, asked, never)).verdict).toBe('not-ready')
    expect(await balance(server, proxy, table())).toEqual({ targets: [] })
    expect(must(await driver.ask(server, asked, never)).verdict).toBe('ready')
  })

  it('balances replicas, and drains one without a reload', async () => {
    const [one, two] = replicas.map((replica) => targetOf(replica))
    const [id1, id2] = replicas.map(({ containerId }) => containerId)
    if (one === undefined || two === undefined) throw new Error('no replicas')
    const up = await balance(server, proxy, table(web({ local: [one, two] })))
    expect(up.targets.map(({ containerId, state }) => [containerId, state])).toEqual([
      [id1, 'up'],
      [id2, 'up'],
    ])
    expect(new Set([await get(server), await get(server)])).toEqual(new Set([`200 ${server}#1`, `200 ${server}#2`]))
    const before = await workerOf(server, proxy)
    const draining = await balance(server, proxy, table(web({ local: [{ ...one, state: 'drain' }, two] })))
    expect(draining.targets).toMatchObject([{ state: 'drain', sessions: 0 }, { state: 'up' }])
    expect([await get(server), await get(server)]).toEqual([`200 ${server}#2`, `200 ${server}#2`])
    await balance(server, proxy, table(web({ local: [two] })))
    expect(await workerOf(server, proxy)).toBe(before)
  })

  it('comes up by itself with what it was told last', async () => {
    await dockerOn(lab.server(server)).getContainer(proxy).kill()
    await dockerOn(lab.server(server)).getContainer(proxy).start()
    await until('it serves', async () => (await get(server)) === `200 ${server}#2`)
    const seen = await balance(server, proxy, table(web({ local: replicas.slice(1).map((one) => targetOf(one)) })))
    expect(seen.targets).toMatchObject([{ state: 'up' }])
  })

  it('comes up with what it was seen to run with, where it was given something else and not asked to run it', async () => {
    const container = dockerOn(lab.server(server)).getContainer(proxy)
    const script =
      'cd /etc/slipway && mkdir tables/bad && echo nonsense > tables/bad/haproxy.cfg && ln -sfn tables/bad current'
    const exec = await container.exec({ Cmd: ['sh', '-c', script] })
    await exec.start({ Detach: true })
    await until('it is given', async () => (await exec.inspect()).Running === false)
    await container.restart({ t: 1 })
    await until('it serves', async () => (await get(server)) === `200 ${server}#2`)
  })

  it('goes on with what it has when a port is held, and says which', async () => {
    const local = replicas.map((replica) => targetOf(replica))
    const both = (port: number, hostIp = '') => table(web({ local, listen: [...web({}).listen, { hostIp, port }] }))
    const load = loadOn(server)
    const held = problemOf(await driver.balance(server, proxy, both(22), never))
    expect(held).toMatchObject({ code: 'PROXY_REFUSED', server })
    expect(held.message).toContain('port 22 is held by something else there')
    const strange = problemOf(await driver.balance(server, proxy, both(80, '192.0.2.1'), never))
    expect(strange.message).toContain('192.0.2.1 is no address of the server')
    expect((await balance(server, proxy, both(8089))).targets).toHaveLength(2)
    expect(await get(server, 8089)).toMatch(/^200/)
    await balance(server, proxy, table(web({ local })))
    await load.stop()
    expect(load.failures).toEqual([])
  })

  it('goes on with what it has when HAProxy does not take a configuration, and says what of it', async () => {
    const mesh = { port: 8444, authority: 'no PEM', certificate: 'no PEM' }
    const refusal = problemOf(await driver.balance(server, proxy, { ...table(), mesh }, never))
    expect(refusal.code).toBe('PROXY_REFUSED')
    expect(refusal.message).toMatch(/certificate\.pem/)
    expect(await get(server)).toMatch(/^200/)
    await dockerOn(lab.server(server)).getContainer(proxy).restart()
    await until('it serves', async () => (await get(server)).startsWith('200'))
  })

  it('takes the place of another without a gap', async () => {
    const local = replicas.map((replica) => targetOf(replica))
    await balance(server, proxy, table(web({ local })))
    const load = loadOn(server)
    const next = await startProxy(driver, server, 'next')
    await balance(server, next, table(web({ local })))
    await dockerOn(lab.server(server)).getContainer(proxy).stop()
    await new Promise((resolve) => setTimeout(resolve, 500))
    await load.stop()
    // Two processes that share a port without sharing its socket: what waits to be accepted by the old one is reset.
    expect(load.failures.length).toBeLessThanOrEqual(3)
    expect(await get(server)).toMatch(/^200/)
    proxy = next
  })

  it('says that it is not there', async () => {
    await dockerOn(lab.server(server)).getContainer(proxy).stop({ t: 1 })
    expect(problemOf(await driver.balance(server, proxy, table(), never)).code).toBe('PROXY_ABSENT')
    expect(problemOf(await driver.balance(server, 'f'.repeat(64), table(), never)).code).toBe('PROXY_ABSENT')
    await dockerOn(lab.server(server)).getContainer(proxy).start()
    await until('it is there', async () => (await driver.balance(server, proxy, table(), never)).ok)
  })
})

describe('a server whose sshd forbids forwarding to sockets', () => {
  it('has no way to its proxy, and is told what to allow', async () => {
    const server = 'narrow'
    const problem = problemOf(
      await driver.balance(server, 'a'.repeat(64), { server, services: [], peers: [], mesh: null }, never),
    )
    expect(problem.code).toBe('PROXY_ABSENT')
    expect(problem.message).toContain('set AllowStreamLocalForwarding yes')
  })
})

describe('two servers', () => {
  it('serve what runs on the other, and are let go of when they are cut off', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'slipway-mesh-'))
    const authority = openAuthority({ dir, clock })
    must(await authority.renew(FLEET, ['old', 'new']))
    rmSync(dir, { recursive: true })
    const [proxies, replicas] = [new Map<string, string>(), new Map<string, Replica>()]
    for (const server of ['old', 'new']) {
      proxies.set(server, await startProxy(driver, server, 'mesh'))
      replicas.set(server, await startReplica(server, 'mesh'))
    }
    const bring = async (server: string, withLocal: boolean): Promise<void> => {
      const other = server === 'old' ? 'new' : 'old'
      const papers = authority.identity(server)
      const own = replicas.get(server)
      if (papers === null || own === undefined) throw new Error('not started')
      const listen = [{ hostIp: '', port: 8090 }]
      const local = withLocal ? [targetOf(own)] : []
      await balance(server, proxies.get(server) ?? '', {
        server,
        services: [web({ listen, local, remote: [{ server: other, weight: 1 }] })],
        peers: [{ server: other, host: lab.server(other).address, port: 8444 }],
        mesh: { port: 8444, ...papers },
      })
    }
    await bring('new', true)
    await bring('old', false)
    await until('it comes from there', async () => (await get('old', 8090)) === '200 new#mesh')
    await bring('old', true)
    const answers = new Set<string>()
    await until('both answer', async () => answers.add(await get('old', 8090)).size === 2)
    await lab.server('new').cut()
    let good = 0
    await until('the other is let go of', async () => {
      good = (await get('old', 8090)) === '200 old#mesh' ? good + 1 : 0
      return good === 20
    })
    await lab.server('new').restore()
    await until('it comes from there again', async () => (await get('old', 8090)) === '200 new#mesh')
  })
})

/** busybox answers in its own way what it does not have; all else is no answer of a replica. */
function loadOn(server: string): Load {
  return startLoad(8088, lab.server(server).address, /^(200|404|501) /)
}

/** Process ids of the proxy, within the server. */
async function workerOf(server: string, id: string): Promise<string> {
  const top = (await dockerOn(lab.server(server)).getContainer(id).top({ ps_args: '-eo pid,ppid,args' })) as {
    readonly Processes: readonly (readonly string[])[]
  }
  return top.Processes.map(([pid]) => pid).join(' ')
}
