import type { AddressInfo } from 'node:net'
import ssh2 from 'ssh2'
import type { Client, Session } from 'ssh2'
import { afterEach, describe, expect, it } from 'vitest'
import { sshDiskOf } from '../../src/driver/ssh-files.js'

const hostKey = ssh2.utils.generateKeyPairSync('ed25519').private
let closing: (() => void)[] = []

afterEach(() => {
  for (const close of closing) close()
  closing = []
})

/** A client of a server that lets everybody in and treats sessions as it is told. */
async function connected(onSession: (session: Session) => void): Promise<Client> {
  const server = new ssh2.Server({ hostKeys: [hostKey] }, (connection) => {
    connection.on('error', () => undefined)
    connection.on('authentication', (context) => context.accept())
    connection.on('session', (accept) => onSession(accept()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const client = new ssh2.Client()
  closing.push(() => {
    client.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve, reject) =>
    client
      .on('ready', resolve)
      .on('error', reject)
      .connect({ host: '127.0.0.1', port, username: 'deploy', password: '' }),
  )
  return client
}

describe('the room on a disk over ssh', () => {
  it('is unknown where sshd has no SFTP', async () => {
    const client = await connected((session) => session.on('sftp', (_accept, reject) => reject()))
    expect(await sshDiskOf(client, '/', 5_000)).toMatchObject({
      ok: false,
      problem: expect.stringMatching(/^sshd offers no SFTP/) as unknown,
    })
  })

  it('is unknown where SFTP does not have the extension', async () => {
    const client = await connected((session) => session.on('sftp', (accept) => void accept()))
    expect(await sshDiskOf(client, '/', 5_000)).toMatchObject({ ok: false })
  })

  it('is unknown when no answer comes in time', async () => {
    const client = await connected((session) => session.on('sftp', () => undefined))
    expect(await sshDiskOf(client, '/', 50)).toEqual({ ok: false, problem: 'no answer over SFTP within 50 ms' })
  })

  it('is unknown when the connection is gone', async () => {
    const client = await connected(() => undefined)
    client.destroy()
    expect((await sshDiskOf(client, '/', 5_000)).ok).toBe(false)
  })
})
