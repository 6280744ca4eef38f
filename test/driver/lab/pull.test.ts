import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { dockerOn, startLab } from '../../lab/index.js'
import type { Lab } from '../../lab/index.js'
import { must, never, problemOf, runAction } from '../fixtures.js'
import type { TestDriver } from '../fixtures.js'
import { discard, labDriver, replicasOf, useAll } from './lab-fixtures.js'

let lab: Lab
let driver: TestDriver

beforeAll(async () => {
  lab = await startLab({
    name: 'driver-pull',
    registry: true,
    servers: [
      { name: 'old', engine: 'old' },
      { name: 'new', engine: 'modern' },
      { name: 'full', engine: 'old', smallDiskBytes: 64 * 1024 * 1024 },
    ],
  })
})

afterEach(() => driver?.close())
afterAll(() => lab?.down())

function start(login?: { readonly username: string; readonly password: string }): void {
  const host = lab.privateRegistry.address
  driver = labDriver(lab, {}, login === undefined ? {} : { registryAuths: { [host]: login } })
  useAll(driver, lab)
}

function pull(server: string, image: string, policy: 'always' | 'missing' | 'never' = 'missing') {
  return driver.perform({ kind: 'pull', server, stack: 'shop', image, policy }, never)
}

describe.each(['old', 'new'])('on the %s engine', (server) => {
  it('pulls, pins the digest, and runs from the pin though the tag has moved', async () => {
    start()
    const first = await lab.registry.push(lab.busybox, `shop/${server}:1`)
    const pin = must(await pull(server, first.reference)).image
    expect(pin).toEqual({ digest: first.pinned, id: lab.busybox.id })
    const other = await lab.image(`shop/${server}:1`, { files: { 'www/index.html': server } })
    const second = await lab.registry.push(other, `shop/${server}:1`)
    expect(must(await pull(server, first.reference, 'missing')).image).toEqual(pin)
    expect(must(await pull(server, first.reference, 'always')).image).toEqual({ digest: second.pinned, id: other.id })
    const action = runAction(server, { image: first.reference, command: ['sleep', '1000'] }, pin)
    const { containerId } = must(await driver.perform(action, never))
    const [replica] = await replicasOf(driver, server)
    expect(replica).toMatchObject({ containerId, image: first.pinned, imageId: lab.busybox.id })
    const info = await dockerOn(lab.server(server)).getContainer(String(containerId)).inspect()
    expect(info.Config.Image).toBe(`${first.reference}@${first.digest}`)
    await discard(driver, server, String(containerId))
  })

  it('tells a missing image, a missing tag, wrong credentials and a dead registry apart', async () => {
    const { user, password, address } = lab.privateRegistry
    const pushed = await lab.privateRegistry.push(lab.busybox, `shop/secret-${server}:1`)
    start()
    expect(problemOf(await pull(server, pushed.reference)).code).toBe('REGISTRY_AUTH')
    expect(problemOf(await pull(server, `${lab.registry.address}/shop/nothing:1`)).code).toBe('IMAGE_NOT_FOUND')
    expect(problemOf(await pull(server, `${lab.registry.address}/shop/${server}:9`)).code).toBe('IMAGE_NOT_FOUND')
    expect(problemOf(await pull(server, `${address.split(':')[0]}:5999/x:1`)).code).toBe('REGISTRY_UNREACHABLE')
    await driver.close()
    start({ username: user, password: 'wrong' })
    const problem = problemOf(await pull(server, pushed.reference))
    expect(problem.code).toBe('REGISTRY_AUTH')
    expect(problem.message).not.toContain('wrong')
    await driver.close()
    start({ username: user, password })
    must(await pull(server, pushed.reference))
  })

  it('needs no registry for what is there, unless told to pull always', async () => {
    start()
    const pushed = await lab.registry.push(lab.busybox, `shop/kept-${server}:1`)
    must(await pull(server, pushed.reference))
    await lab.registry.stop()
    try {
      must(await pull(server, pushed.reference, 'missing'))
      must(await pull(server, pushed.reference, 'never'))
      expect(problemOf(await pull(server, pushed.reference, 'always')).code).toBe('REGISTRY_UNREACHABLE')
    } finally {
      await lab.registry.start()
    }
  })
})

it('says that the disk is full, and of which server', async () => {
  start()
  const image = await lab.image('shop/big:1', {
    files: { 'big.bin': randomBytes(60 * 1024 * 1024).toString('latin1') },
  })
  const pushed = await lab.registry.push(image)
  expect(problemOf(await pull('full', pushed.reference))).toMatchObject({ code: 'DISK_FULL', server: 'full' })
})
