import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerOn, startLab } from '../../lab/index.js'
import type { Lab } from '../../lab/index.js'
import { must, never, problemOf, runAction } from '../fixtures.js'
import type { TestDriver } from '../fixtures.js'
import { busybox, discard, labDriver, useAll } from './lab-fixtures.js'

let lab: Lab
let driver: TestDriver

beforeAll(async () => {
  lab = await startLab({ name: 'image-mount', servers: [{ name: 'newest', engine: 'newest' }] })
  await lab.load(await lab.image('shop/site:1', { files: { 'www/deep/page.html': 'hello' } }))
  driver = labDriver(lab)
  useAll(driver, lab)
})

afterAll(async () => {
  await driver?.close()
  await lab?.down()
})

function mounting(subpath?: string) {
  const below = subpath === undefined ? {} : { subpath }
  const mount = { kind: 'image', source: 'shop/site:1', target: '/site', readOnly: true, ...below } as const
  return { image: 'busybox:1.36', command: ['sleep', '1000'], mounts: [mount] }
}

describe('the files of an image', () => {
  it.each([
    [undefined, '/site/www/deep/page.html', {}],
    ['www/deep', '/site/page.html', { ImageOptions: { Subpath: 'www/deep' } }],
  ])('are there, with the folder %s', async (subpath, path, options) => {
    const image = await busybox(driver, 'newest')
    const { containerId } = must(await driver.perform(runAction('newest', mounting(subpath), image), never))
    const container = dockerOn(lab.server('newest')).getContainer(String(containerId))
    const { HostConfig } = await container.inspect()
    expect(HostConfig.Mounts).toMatchObject([{ Type: 'image', Source: 'shop/site:1', Target: '/site', ...options }])
    const exec = await container.exec({
      Cmd: ['sh', '-c', `cat ${path}; touch ${path} 2>&1`],
      AttachStdout: true,
      Tty: true,
    })
    let text = ''
    for await (const chunk of await exec.start({ Tty: true })) text += String(chunk)
    expect(text).toMatch(/^hello.*Read-only/s)
    await discard(driver, 'newest', String(containerId))
  })

  it('that is not there are told', async () => {
    const spec = mounting()
    const absent = { ...spec, mounts: spec.mounts.map((mount) => ({ ...mount, source: 'shop/absent:1' })) }
    const image = await busybox(driver, 'newest')
    const problem = problemOf(await driver.perform(runAction('newest', absent, image), never))
    expect(problem).toMatchObject({ code: 'IMAGE_NOT_FOUND' })
    expect(problem.message).toContain('shop/absent:1')
  })
})
