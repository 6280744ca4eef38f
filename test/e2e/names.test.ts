import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { SeenContainer } from './engines.js'
import { PROXY_IMAGE, startFleet } from './harness.js'
import type { TestFleet } from './harness.js'
import { STACK, compose, fleetFile } from './manifests.js'

let fleet: TestFleet

const BLOG = 'stacks/blog/compose.yaml'
const on = (server: string) => ({ placement: { constraints: [`node.hostname == ${server}`] } })
/** Its image exposes nothing: what it says is all that is known. */
const web = (image: string, server: string) => ({ image, expose: ['8080'], deploy: { replicas: 2, ...on(server) } })
const client = { image: 'shop/web:1', restart: 'always', deploy: on('lon-1') }
const shop = (image = 'shop/web:1', server = 'lon-2'): string =>
  compose({ client, web: web(image, server), api: { ...web('shop/web:2', 'lon-3'), 'x-slipway': { export: true } } })

async function clientOf(stack: string): Promise<SeenContainer> {
  const found = (await fleet.containers('client')).find((one) => one.stack === stack && one.state === 'running')
  if (found === undefined) throw new Error(`no client of ${stack} runs`)
  return found
}

/** What a client is answered, or why not. */
async function ask(from: SeenContainer, url: string): Promise<string> {
  return fleet.engines.exec(from, 'wget', '-q', '-T', '3', '-O', '-', url)
}

async function addressOf(name: string): Promise<string> {
  const hosts = await fleet.engines.exec(await clientOf('shop'), 'cat', '/etc/hosts')
  return new RegExp(`^(\\S+)\\s+${name}$`, 'm').exec(hosts)?.[1] ?? ''
}

beforeAll(async () => {
  fleet = await startFleet({
    name: 'e2e-names',
    proxy: true,
    images: { 'shop/web:1': 'healthy', 'shop/web:2': 'healthy' },
  })
  const files = {
    'slipway.yaml': fleetFile(fleet.lab, { ingress: { image: PROXY_IMAGE } }),
    [STACK]: shop(),
    [BLOG]: compose({ client }),
  }
  const sha = await fleet.commit(files, 'The shop and the blog open')
  fleet.boot()
  await fleet.settle(sha)
  const from = await clientOf('shop')
  await fleet.until('it is answered', async () => (await ask(from, 'http://web:8080/')) === 'shop/web:1')
})

afterAll(() => fleet?.down())

describe("a service's name", () => {
  it('reaches replicas that run on another server only', async () => {
    const from = await clientOf('shop')
    expect(from.server).toBe('lon-1')
    expect(new Set((await fleet.containers('web')).map(({ server }) => server))).toEqual(new Set(['lon-2']))
    expect(await ask(from, 'http://web:8080/')).toBe('shop/web:1')
    expect(await ask(from, 'http://api:8080/')).toBe('shop/web:2')
  })

  it('is refused to other stacks, which do not know it either', async () => {
    const from = await clientOf('blog')
    const address = await addressOf('web')
    expect(address).toMatch(/^198\.18\./)
    expect(await ask(from, `http://${address}:8080/`)).not.toContain('shop/web')
    expect(await ask(from, 'http://web:8080/')).not.toContain('shop/web')
    expect(await ask(await clientOf('shop'), `http://${address}:8080/`)).toBe('shop/web:1')
  })

  it('reaches it from other stacks where it is exported', async () => {
    expect(await ask(await clientOf('blog'), 'http://api.shop:8080/')).toBe('shop/web:2')
  })

  it.each([
    ['an update', () => shop('shop/web:2')],
    ['a move', () => shop('shop/web:2', 'lon-3')],
  ])('loses no request during %s', async (what, file) => {
    const from = await clientOf('shop')
    const address = await addressOf('web')
    const loop =
      'rm -f /tmp/end /tmp/asked /tmp/failed; while [ ! -e /tmp/end ]; do echo >> /tmp/asked; wget -q -T 5 -O /dev/null http://web:8080/ || echo >> /tmp/failed; done'
    const running = fleet.engines.exec(from, 'sh', '-c', loop)
    await fleet.deploy({ [STACK]: file() }, what)
    await fleet.engines.exec(from, 'touch', '/tmp/end')
    await running
    const counts = await fleet.engines.exec(from, 'sh', '-c', 'wc -l < /tmp/asked; cat /tmp/failed 2>/dev/null | wc -l')
    const [asked = '', failed = ''] = counts.trim().split('\n')
    expect(Number(failed)).toBe(0)
    expect(Number(asked)).toBeGreaterThan(20)
    expect(await ask(from, 'http://web:8080/')).toBe('shop/web:2')
    // Whoever asks was not made anew, and the address is what it was.
    expect((await clientOf('shop')).id).toBe(from.id)
    expect(await addressOf('web')).toBe(address)
  })

  it('is what it was after a restart of the server, without a controller', async () => {
    const address = await addressOf('web')
    await fleet.halt()
    await fleet.lab.server('lon-1').powerOff()
    await fleet.lab.server('lon-1').powerOn()
    await fleet.until('it is answered again', async () => {
      const from = await clientOf('shop')
      return (await ask(from, 'http://web:8080/')) === 'shop/web:2'
    })
    expect(await addressOf('web')).toBe(address)
  })
})
