import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import ssh2 from 'ssh2'
import type { Connection } from 'ssh2'
import { afterEach, describe, expect, it } from 'vitest'
import type { DriverLimits } from '../../src/driver/index.js'
import type { HostKey, Server } from '../../src/model/index.js'
import { fingerprintOf } from '../../src/ssh/index.js'
import { FLEET, never, newDriver, problemOf, until } from './fixtures.js'
import type { TestDriver } from './fixtures.js'

const keys = {
  ed25519: ssh2.utils.generateKeyPairSync('ed25519'),
  rsa: ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 }),
  ecdsa: ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }),
} as const
const login = ssh2.utils.generateKeyPairSync('ed25519')
const sealed = ssh2.utils.generateKeyPairSync('ed25519', { passphrase: 'open', cipher: 'aes256-ctr', rounds: 16 })

const fingerprint = (key: { readonly public: string }): string =>
  fingerprintOf(Buffer.from(String(key.public.split(' ')[1]), 'base64'))

let closing: (() => void)[] = []
let driver: TestDriver

afterEach(async () => {
  await driver?.close()
  for (const close of closing) close()
  closing = []
})

/** A server with keys of several kinds; `onClient` says how it behaves. Returns its port. */
async function serve(hostKeys: readonly string[], onClient: (client: Connection) => void): Promise<number> {
  const server = new ssh2.Server({ hostKeys: [...hostKeys] }, (client) => {
    client.on('error', () => undefined)
    onClient(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => server.close())
  return (server.address() as AddressInfo).port
}

function use(
  port: number,
  hostKey: HostKey,
  identities = { keys: [{ name: 'id', privateKey: login.private }] },
  limits: Partial<DriverLimits> = {},
): void {
  driver = newDriver(limits, { identities: { agentSocket: null, ...identities } })
  const address = { kind: 'ssh', host: '127.0.0.1', port, user: 'deploy', socketPath: '/var/run/docker.sock' } as const
  const server: Server = { name: 'lon-1', address, hostKey, labels: {}, lostAfterMs: null }
  driver.use(FLEET, [server])
}

const look = async () => problemOf(await driver.observe('lon-1', [], never))

/** Lets everybody in and refuses every channel: the engine cannot be reached, but the login was fine. */
const welcome = (client: Connection): void => {
  client.on('authentication', (context) => context.accept())
}

const all = [keys.ed25519.private, keys.ecdsa.private, keys.rsa.private]

describe('a pinned fingerprint', () => {
  it.each(['ed25519', 'ecdsa', 'rsa'] as const)(
    'of the %s key is found on a server with several keys',
    async (family) => {
      const port = await serve(all, welcome)
      use(port, { kind: 'fingerprints', fingerprints: [fingerprint(keys[family])] })
      expect((await look()).code).toBe('ENGINE_UNREACHABLE')
    },
  )

  it('that none of its keys has is a mismatch, and no login is tried', async () => {
    let logins = 0
    const port = await serve(all, (client) => client.on('authentication', () => (logins += 1)))
    use(port, { kind: 'fingerprints', fingerprints: ['SHA256:nothing'] })
    const problem = await look()
    expect(problem.code).toBe('HOST_KEY_MISMATCH')
    expect(problem.message).toContain(fingerprint(keys.ed25519))
    expect(logins).toBe(0)
  })

  it('in a known_hosts file is asked for by its kind', async () => {
    const port = await serve(all, welcome)
    const content = `[127.0.0.1]:${port} ${keys.rsa.public}`
    use(port, { kind: 'known-hosts', content, path: 'known_hosts' })
    expect((await look()).code).toBe('ENGINE_UNREACHABLE')
  })
})

it('without a pinned host key ends with the line to add', async () => {
  const port = await serve([keys.ed25519.private], welcome)
  use(port, { kind: 'none' })
  const problem = await look()
  expect(problem.code).toBe('HOST_KEY_UNKNOWN')
  expect(problem.message).toContain(`host_key: ${fingerprint(keys.ed25519)}`)
})

describe('a login', () => {
  const pinned: HostKey = { kind: 'fingerprints', fingerprints: [fingerprint(keys.ed25519)] }

  it('that is refused names what was tried, and never a key', async () => {
    const port = await serve(all, (client) => client.on('authentication', (context) => context.reject(['publickey'])))
    use(port, pinned)
    const problem = await look()
    expect(problem).toMatchObject({ code: 'SERVER_AUTH', next: { kind: 'stalled' } })
    expect(problem.message).toContain('key id')
    expect(problem.message).not.toContain(login.private.slice(40, 80))
  })

  it.each([
    ['without a passphrase', { name: 'id', privateKey: sealed.private }, 'no passphrase was given'],
    [
      'with a wrong passphrase',
      { name: 'id', privateKey: sealed.private, passphrase: 'shut' },
      'the passphrase is wrong',
    ],
    ['that is public', { name: 'id', privateKey: login.public }, 'public key'],
    ['that is nothing', { name: 'id', privateKey: 'nothing' }, 'not a private key'],
  ])('with a key %s says so', async (_what, key, text) => {
    const port = await serve(all, (client) => client.on('authentication', (context) => context.reject(['publickey'])))
    use(port, pinned, { keys: [key] })
    expect((await look()).message).toContain(text)
  })

  it('opens a sealed key with its passphrase', async () => {
    const port = await serve(all, (client) => {
      client.on('authentication', (context) =>
        context.method === 'publickey' ? context.accept() : context.reject(['publickey']),
      )
    })
    use(port, pinned, { keys: [{ name: 'id', privateKey: sealed.private, passphrase: 'open' } as never] })
    expect((await look()).code).toBe('ENGINE_UNREACHABLE')
  })
})

describe('a server that is no ssh server', () => {
  async function listen(onSocket: (socket: Socket) => void): Promise<number> {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      closing.push(() => socket.destroy())
      onSocket(socket)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => server.close())
    return (server.address() as AddressInfo).port
  }
  const any: HostKey = { kind: 'fingerprints', fingerprints: ['SHA256:x'] }

  it.each<[string, (socket: Socket) => void]>([
    ['says nothing', () => undefined],
    ['hangs up', (socket) => socket.destroy()],
    ['speaks HTTP', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['sends noise', (socket) => void socket.write(Buffer.alloc(100_000, 7))],
    [
      'sends noise after a good start',
      (socket) =>
        void socket.write(Buffer.concat([Buffer.from('SSH-2.0-OpenSSH_9.2\r\n'), Buffer.alloc(100_000, 255)])),
    ],
  ])('and %s is unreachable, with no harm done', async (_what, onSocket) => {
    use(await listen(onSocket), any, undefined, { connectMs: 2_000 })
    expect((await look()).code).toBe('SERVER_UNREACHABLE')
  })

  it('and refuses connections is unreachable, with the time of the next try', async () => {
    use(1, any)
    await look()
    const problem = await look()
    expect(problem).toMatchObject({ code: 'SERVER_UNREACHABLE', next: { kind: 'retry' } })
  })
})

it('a connection that drops again and again is tried ever more slowly', async () => {
  let connections = 0
  const port = await serve(all, (client) => {
    connections += 1
    client.on('authentication', (context) => context.accept())
    client.on('ready', () => client.end())
  })
  driver = newDriver(
    { backoffFirstMs: 20, backoffMaxMs: 10_000 },
    { identities: { keys: [{ name: 'id', privateKey: login.private }], agentSocket: null } },
  )
  const address = { kind: 'ssh', host: '127.0.0.1', port, user: 'deploy', socketPath: '/var/run/docker.sock' } as const
  const hostKey: HostKey = { kind: 'fingerprints', fingerprints: [fingerprint(keys.ed25519)] }
  driver.use(FLEET, [{ name: 'lon-1', address, hostKey, labels: {}, lostAfterMs: null }])
  await until('five tries', () => connections >= 5)
  await until('a longer pause', async () => {
    const { next } = await look()
    return next?.kind === 'retry' && next.afterMs > 100
  })
})
