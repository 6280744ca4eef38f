import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerOn, startLab, type Lab, type LabServer } from './index.js'

type Login = { readonly username: string; readonly password: string }

/** The engine's own pull, to its end; throws what the engine says went wrong. */
async function pull(server: LabServer, reference: string, authconfig?: Login): Promise<void> {
  const docker = dockerOn(server)
  const stream = await docker.pull(
    reference,
    authconfig === undefined ? {} : { authconfig: { ...authconfig, serveraddress: '' } },
  )
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error: Error | null) => (error === null ? resolve() : reject(error)))
  })
}

describe('registries of a lab', () => {
  let lab: Lab

  beforeAll(async () => {
    lab = await startLab({ name: 'registry-test', servers: 2, registry: true, loadBusybox: false })
  })
  afterAll(() => lab?.down())

  it('has no image on an engine that was given none', async () => {
    expect(await dockerOn(lab.server('lon-1')).listImages()).toEqual([])
  })

  it('serves what was pushed to both generations of engines, by tag and by digest', async () => {
    const image = await lab.image('shop/web:1', { files: { 'www/index.html': 'one' } })
    const pushed = await lab.registry.push(image)
    for (const server of lab.servers) {
      await pull(server, pushed.reference)
      const seen = await dockerOn(server).getImage(pushed.reference).inspect()
      expect(seen.Id).toBe(image.id)
      expect(seen.RepoDigests).toEqual([pushed.pinned])
      await pull(server, pushed.pinned)
    }
  })

  it('moves a tag when another image is pushed under it', async () => {
    const image = await lab.image('shop/web:1', { files: { 'www/index.html': 'two' } })
    const first = await lab.registry.push(lab.busybox, 'shop/moving:1')
    const second = await lab.registry.push(image, 'shop/moving:1')
    expect(second.digest).not.toBe(first.digest)
    await pull(lab.server('lon-1'), second.reference)
    expect((await dockerOn(lab.server('lon-1')).getImage(second.reference).inspect()).Id).toBe(image.id)
  })

  it('wants credentials at the private one', async () => {
    const pushed = await lab.privateRegistry.push(lab.busybox)
    const { user, password } = lab.privateRegistry
    for (const server of lab.servers) {
      await expect(pull(server, pushed.reference)).rejects.toThrow(/no basic auth|unauthorized|authentication required/)
      await expect(pull(server, pushed.reference, { username: user, password: 'wrong' })).rejects.toThrow()
      await pull(server, pushed.reference, { username: user, password })
    }
  })

  it('goes away and comes back with what it had', async () => {
    const image = await lab.image('shop/late:1', { env: { LATE: 'yes' } })
    const pushed = await lab.registry.push(image)
    await lab.registry.stop()
    await expect(pull(lab.server('lon-2'), pushed.reference)).rejects.toThrow(/refused/)
    await lab.registry.start()
    await pull(lab.server('lon-2'), pushed.reference)
  })

  it('says so when a lab was started without', async () => {
    const bare = await startLab({ name: 'registry-none', servers: [] })
    expect(() => bare.registry).toThrow(/registry: true/)
    await bare.down()
  })
})
