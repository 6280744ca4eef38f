import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PROXY_IMAGE, startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'
import { get } from './traffic.js'

let fleet: TestFleet

const PORT = 8081

function shop(image: string): string {
  const ports = [{ target: 8080, published: PORT, app_protocol: 'http' }]
  return compose({ web: { image, ports, deploy: { replicas: 2 } } })
}

const urls = (): readonly string[] => fleet.lab.servers.map(({ address }) => `http://${address}:${PORT}/`)

beforeAll(async () => {
  fleet = await startFleet({
    name: 'e2e-ingress',
    proxy: true,
    images: { 'shop/web:1': 'healthy' },
  })
  const files = {
    'slipway.yaml': fleetFile(fleet.lab, { ingress: { image: PROXY_IMAGE } }),
    [STACK]: shop('shop/web:1'),
  }
  const sha = await fleet.commit(files, 'The shop opens')
  fleet.boot()
  await fleet.settle(sha)
  await fleet.until('each server answers', async () => {
    const answers = await Promise.all(urls().map((url) => get(url)))
    return answers.every(({ status, body }) => status === 200 && body === 'shop/web:1')
  })
})

afterAll(() => fleet?.down())

describe('a published port of a fleet with ingress', () => {
  it('is answered by every server, also by one without a replica, and no container holds it', async () => {
    const homes = new Set((await fleet.containers('web')).map(({ server }) => server))
    expect(homes.size).toBeLessThan(fleet.lab.servers.length)
    const answers = await Promise.all(urls().map((url) => get(url)))
    expect(answers).toEqual(urls().map(() => ({ status: 200, body: 'shop/web:1' })))
  })
})

describe('a proxy that is killed', () => {
  it('comes back by itself and serves, without a controller', async () => {
    await fleet.halt()
    for (const proxy of await fleet.containers('proxy')) {
      const url = `http://${fleet.lab.servers.find(({ name }) => name === proxy.server)?.address}:${PORT}/`
      await fleet.engines.exec(proxy, 'sh', '-c', 'for pid in $(pidof haproxy); do [ $pid = 1 ] || kill -9 $pid; done')
      await fleet.until('it answers again', async () => (await get(url)).status === 200)
    }
  })
})
