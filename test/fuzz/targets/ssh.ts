import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readSshConfig } from '../../../src/cli/ssh-config.js'
import { stdioCommand } from '../../../src/driver/dial-stdio.js'
import { checkHostKey, pinnedKeyTypes } from '../../../src/ssh/host-key.js'
import { DRIVER_LIMITS } from '../../../src/driver/index.js'
import { connectSsh } from '../../../src/ssh/connect.js'
import { textTarget } from '../target.js'
import type { Target } from '../target.js'

const KEY = Buffer.concat([Buffer.from([0, 0, 0, 11]), Buffer.from('ssh-ed25519'), Buffer.alloc(36, 1)])
const LINE = `10.0.0.11,lon-?.example.com ssh-ed25519 ${KEY.toString('base64')}\n`
const HASHED = `|1|${Buffer.from('salt').toString('base64')}|${Buffer.from('hash').toString('base64')} ssh-rsa AAAA\n`
const NAMES = ['10.0.0.11', 'lon-1.example.com', `${'a'.repeat(60)}.${'b'.repeat(60)}.example.com`, '::1']

/** A server that says the same to everybody and hangs up. */
let port: Promise<number> | null = null
let says: Buffer = Buffer.alloc(0)
function listen(): Promise<number> {
  port ??= new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.end(says)
    })
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)).unref()
  })
  return port
}

const IDENT = 'SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n'

/** The packet with which key exchange begins, after the line that says who is there. */
function keyExchange(lists: readonly string[]): Buffer {
  const list = (text: string): Buffer => {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(Buffer.byteLength(text))
    return Buffer.concat([length, Buffer.from(text)])
  }
  const payload = Buffer.concat([Buffer.from([20]), Buffer.alloc(16, 7), ...lists.map(list), Buffer.alloc(5)])
  const padding = 8 - ((payload.byteLength + 5) % 8) + 8
  const head = Buffer.alloc(5)
  head.writeUInt32BE(payload.byteLength + padding + 1)
  head[4] = padding
  return Buffer.concat([Buffer.from(IDENT), head, payload, Buffer.alloc(padding)])
}

const ciphers = 'aes128-ctr,aes256-gcm@openssh.com'
const macs = 'hmac-sha2-256'
const KEXINIT = keyExchange(['curve25519-sha256', 'ssh-ed25519', ciphers, ciphers, macs, macs, 'none', 'none', '', ''])

export const SSH_TARGETS: readonly Target[] = [
  {
    name: 'ssh-server',
    about: 'what a server says before it is known to be the right one',
    samples: [
      Buffer.from(IDENT),
      KEXINIT,
      Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
      Buffer.from('banner\r\nSSH-1.5-x\r\n'),
    ],
    words: ['SSH-2.0-', '\r\n', 'none', 'ssh-ed25519', 'curve25519-sha256', 'ext-info-s'],
    quick: 120,
    async read(input) {
      says = input
      const target = {
        host: '127.0.0.1',
        port: await listen(),
        user: 'u',
        dialHost: '127.0.0.1',
        hostKey: { kind: 'none' },
        logins: { methods: [], names: [], unusable: [] },
        limits: { ...DRIVER_LIMITS, connectMs: 3_000 },
      } as const
      const connected = await connectSsh(target)
      if (connected.ok) throw new Error('logged in to nobody')
      return connected.problem.kind
    },
  },
  textTarget({
    name: 'known-hosts',
    about: 'a known_hosts file, from the repository',
    samples: [LINE, HASHED, `@revoked ${LINE}@cert-authority * ssh-rsa AAAA\n# c\n\n!x,*.example.com ssh-rsa BBBB\n`],
    words: ['*', '?', '!', ',', '|1|', '@revoked ', '[10.0.0.11]:22', '\n', ' ', '*a', '?*'],
    quick: 2_000,
    read(content) {
      const pinned = { kind: 'known-hosts', path: 'known_hosts', content } as const
      return NAMES.map((host) => {
        const name = { server: 'lon-1', host, port: host === '::1' ? 2222 : 22 }
        return [checkHostKey(pinned, name, KEY), pinnedKeyTypes(pinned, name)]
      })
    },
  }),
  textTarget({
    name: 'ssh-config',
    about: '~/.ssh/config',
    samples: [
      'Host lon-1 *.example.com !x\n  HostName %h.internal\n  IdentityFile ~/.ssh/a\nMatch all\nHost *\nIdentityAgent none\n',
    ],
    words: [
      'Host ',
      'HostName',
      'IdentityFile',
      'Match ',
      '*',
      '?',
      '!',
      '%h',
      '~',
      '=',
      '"',
      '\n',
      '*a',
      '__proto__',
      'constructor',
    ],
    quick: 2_000,
    read(text) {
      const config = readSshConfig(text, '/home/u')
      return [config.hosts, config.general, config.of('a'.repeat(60)), config.of('lon-1.example.com')]
    },
  }),
  textTarget({
    name: 'socket-path',
    about: 'the path of the engine’s socket, which stands in the one command line that is ever sent',
    samples: ['/var/run/docker.sock', '/run/user/1000/docker.sock'],
    words: [';', '$(x)', '`', "'", '\n', ' ', '..', '-'],
    quick: 2_000,
    read(text) {
      const command = stdioCommand(text)
      if (command !== null && !/^docker (-H unix:\/\/[A-Za-z0-9_./-]+ )?system dial-stdio$/.test(command))
        throw new Error(`a shell would read more than a path: ${command}`)
      return command
    },
  }),
]
