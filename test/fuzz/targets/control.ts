import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readSettings } from '../../../src/cli/settings.js'
import { EMPTY_STATE, fold } from '../../../src/controller/state.js'
import { parseImage, pinnedReference } from '../../../src/driver/image-name.js'
import { ok } from '../../../src/model/index.js'
import { controlClient, serveControl } from '../../../src/web/index.js'
import type { ControlSurface } from '../../../src/web/index.js'
import { readCommand } from '../../../src/web/read-command.js'
import { textTarget } from '../target.js'
import type { Target } from '../target.js'
import { FACTS } from './facts.js'

const bugs: unknown[] = []
let folder: string | undefined
process.on('exit', () => rmSync(folder ?? '', { recursive: true, force: true }))

/** Made when it is needed: who only lists the targets leaves nothing. */
function pathOf(name: string): string {
  folder ??= mkdtempSync(join(tmpdir(), 'slipway-fuzz-'))
  return join(folder, name)
}

async function* lines(): AsyncGenerator<never> {
  await Promise.resolve()
  yield* []
}

const surface: ControlSurface = {
  status: () => Promise.resolve(ok({ asked: 'status' } as never)),
  plan: () => Promise.resolve(ok({ asked: 'plan' } as never)),
  observation: () => Promise.resolve(ok({ asked: 'observation' } as never)),
  history: (query) => Promise.resolve(ok([query] as never)),
  command: (command) => Promise.resolve(ok(JSON.stringify(command))),
  logs: () => Promise.resolve(ok(lines())),
  events: () => Promise.resolve(ok(lines())),
}

let served: Promise<unknown> | null = null
async function ask(request: Buffer): Promise<string> {
  served ??= serveControl(surface, { socketPath: pathOf('control.sock'), onBug: (error) => void bugs.push(error) })
  await served
  return new Promise((resolve) => {
    const socket = connect(pathOf('control.sock'))
    const chunks: Buffer[] = []
    socket.on('data', (chunk) => void chunks.push(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () =>
      resolve(
        Buffer.concat(chunks)
          .toString('latin1')
          .replace(/\r\nDate: [^\r]*/g, ''),
      ),
    )
    socket.end(request)
  })
}

const command = JSON.stringify({ kind: 'restart', stack: 'shop', service: 'web', reason: 'r', by: 'ada' })
const POST = `POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Length: ${command.length}\r\n\r\n${command}`

/** A controller that answers with any bytes. */
let answer: Buffer = Buffer.alloc(0)
let answering: Promise<void> | null = null
function answerWith(input: Buffer): Promise<void> {
  answer = input
  answering ??= new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.once('data', () => socket.end(answer))
    })
    server.listen(pathOf('answers'), () => resolve()).unref()
  })
  return answering
}

const ENV = [
  'SLIPWAY_POLL',
  'SLIPWAY_OBSERVE',
  'SLIPWAY_LOG_FORMAT',
  'SLIPWAY_ALLOW_PLAIN_HTTP',
  'SLIPWAY_REGISTRY_AUTH',
  'SLIPWAY_SSH_KEY',
]

export const CONTROL_TARGETS: readonly Target[] = [
  {
    name: 'control-request',
    about: 'requests to the running controller',
    samples: [
      Buffer.from(POST),
      Buffer.from('GET /v1/history?limit=5&stack=shop HTTP/1.1\r\nHost: x\r\n\r\n'),
      Buffer.from('GET /v1/logs?service=shop/web&tail=5&follow=true HTTP/1.1\r\nHost: x\r\n\r\n'),
    ],
    words: [
      'GET ',
      'POST ',
      '/v1/',
      'status',
      'plan',
      'events',
      '\r\n',
      '?',
      '%',
      '%zz',
      'limit=',
      'Transfer-Encoding: chunked\r\n',
      'Expect: 100-continue\r\n',
      'http://[',
      '//',
      '/..',
      'Upgrade: x\r\nConnection: upgrade\r\n',
    ],
    quick: 500,
    async read(input) {
      const said = await ask(input)
      if (bugs.length > 0) throw bugs.pop()
      return said
    },
  },
  textTarget({
    name: 'control-command',
    about: 'commands in such requests',
    samples: [command, ...FACTS.flatMap((fact) => (fact.kind === 'commanded' ? [JSON.stringify(fact.command)] : []))],
    words: [
      'kind',
      'approve',
      'retry',
      'restart',
      'suspend',
      'resume',
      'drain',
      'undrain',
      'promote',
      'abort',
      'sync',
      'scope',
      '*',
      'shop/web',
      'by',
      'sha',
    ],
    isJson: true,
    quick: 3_000,
    read(text) {
      let value: unknown
      try {
        value = JSON.parse(text)
      } catch {
        return null
      }
      const read = readCommand(value)
      return read.ok ? fold(FACTS.reduce(fold, EMPTY_STATE), { kind: 'commanded', atMs: 1, command: read.value }) : read
    },
  }),
  {
    name: 'control-answer',
    about: 'answers to the commands, of whatever listens on the socket',
    samples: [
      Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]'),
      Buffer.from('HTTP/1.1 409 Conflict\r\nContent-Length: 40\r\n\r\n{"code":"STORE_FAILED","message":"full"}'),
    ],
    words: [
      '\r\n',
      'HTTP/1.1',
      '200',
      '{"code":null}',
      'null',
      '{',
      '}',
      'Transfer-Encoding: chunked\r\n',
      '[',
      '"code"',
    ],
    quick: 400,
    async read(input) {
      await answerWith(input)
      const client = controlClient(pathOf('answers'))
      return [await client.history({ limit: 1 }), await client.command({ kind: 'sync', by: 'ada' })]
    },
  },
  textTarget({
    name: 'settings',
    about: 'the configuration file, the environment and Docker’s config.json',
    samples: [
      'repo: https://git.example.com/a\npoll: 90s\n',
      '{"auths":{"https://index.docker.io/v1/":{"auth":"dTpw"}}}',
      '5m',
      'true',
      '{"auths":{"a":{"username":"u","password":"p"}}}',
    ],
    words: [
      'auths',
      'auth',
      'username',
      'password',
      'repo',
      'branch',
      'poll',
      'allow_plain_http',
      '1h30m',
      '__proto__',
      '&a',
      '*a',
      '<<',
      '!!js',
      'dTpw',
    ],
    isJson: true,
    quick: 300,
    read(text) {
      const dir = mkdtempSync(join(tmpdir(), 'slipway-fuzz-'))
      try {
        const config = join(dir, 'config.yaml')
        writeFileSync(config, text)
        const given = { flags: {}, home: dir, isRoot: true }
        const results = [
          readSettings({ ...given, env: { SLIPWAY_CONFIG: config } }),
          ...ENV.map((name) => readSettings({ ...given, env: { [name]: text } })),
        ]
        for (const result of results)
          for (const login of result.ok ? Object.values(result.value.registries) : [])
            if (typeof login.username !== 'string' || typeof login.password !== 'string')
              throw new Error('a login is no text')
        return JSON.parse(JSON.stringify(results).replaceAll(dir, 'DIR')) as unknown
      } finally {
        rmSync(dir, { recursive: true, force: true })
      }
    },
  }),
  textTarget({
    name: 'image-name',
    about: 'references of images',
    samples: ['registry.example.com:5000/a/b:1.2@sha256:' + 'a'.repeat(64), 'busybox', 'a/b', 'localhost/x:1'],
    words: ['/', ':', '@', 'sha256:', 'docker.io', 'index.docker.io', '.', '//'],
    quick: 2_000,
    read: (text) => [parseImage(text), pinnedReference(text, `x@sha256:${'b'.repeat(64)}`)],
  }),
]
