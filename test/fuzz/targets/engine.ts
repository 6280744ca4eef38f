import { PassThrough } from 'node:stream'
import { newListReader } from '../../../src/driver/container-list.js'
import { newDemuxer } from '../../../src/driver/demux.js'
import { diagnose } from '../../../src/driver/diagnose.js'
import { withDefaults } from '../../../src/driver/engine.js'
import type { Engine } from '../../../src/driver/engine.js'
import { ensureNetwork, ensureVolume, removeNetwork } from '../../../src/driver/ensure-objects.js'
import { followEvents } from '../../../src/driver/events.js'
import { runHealthcheck } from '../../../src/driver/healthcheck.js'
import { readLogs } from '../../../src/driver/logs.js'
import { chooseApi, readInfo } from '../../../src/driver/negotiate.js'
import { newSightings, observe } from '../../../src/driver/observe.js'
import { pullImage } from '../../../src/driver/pull-image.js'
import { DRIVER_LIMITS } from '../../../src/driver/index.js'
import { LABELS, containerName, fail, ok } from '../../../src/model/index.js'
import type { EngineFacts } from '../../../src/model/index.js'
import { isReplica } from '../../../src/driver/container.js'
import type { Random } from '../random.js'
import { textTarget } from '../target.js'
import type { Target } from '../target.js'

const never = new AbortController().signal
const slot = { stack: 'shop', service: 'web', key: '1' }
const name = containerName({ fleet: 'acme', slot, specHash: 'h', restart: '' })
const facts: EngineFacts = {
  engineId: 'e',
  engineVersion: '26',
  apiVersion: '1.45',
  os: 'linux',
  arch: 'amd64',
  hostname: 'box',
  cpus: 2,
  memoryBytes: 1e9,
}

const ours = {
  Id: 'a'.repeat(64),
  Names: [`/${name}`],
  ImageID: 'sha256:1',
  Created: 1_700_000_000,
  Labels: {
    [LABELS.fleet]: 'acme',
    [LABELS.stack]: 'shop',
    [LABELS.service]: 'web',
    [LABELS.slot]: '1',
    [LABELS.spec]: 'h',
    [LABELS.revision]: 'r',
    [LABELS.image]: 'a:1',
    [LABELS.limits]: '',
    [LABELS.restart]: '',
    [LABELS.controller]: 'c',
  },
  State: 'running',
  Status: 'Up 2 hours (healthy)',
  Ports: [{ IP: '0.0.0.0', PrivatePort: 80, PublicPort: 8080, Type: 'tcp' }],
  NetworkSettings: { Networks: { shop_default: { IPAddress: '172.18.0.2' } } },
}
const foreign = {
  Id: 'b'.repeat(64),
  Names: ['/x'],
  Labels: {},
  State: 'exited',
  Status: 'Exited (137) 3 days ago',
  Ports: [],
}
const LIST = JSON.stringify([ours, foreign])
const LIST_WORDS = [
  ...Object.keys(ours),
  'running',
  'exited',
  'restarting',
  'Up 1 s (unhealthy)',
  '},{"Id":"',
  'host',
  '::',
]

const inspected = {
  Id: 'c1',
  Name: 'net',
  Created: '2026-01-01T00:00:00.123456789Z',
  RestartCount: 2,
  State: {
    Status: 'exited',
    ExitCode: 1,
    OOMKilled: false,
    Error: 'boom',
    StartedAt: '2026-01-01T00:00:00Z',
    FinishedAt: '0001-01-01T00:00:00Z',
    Health: { Status: 'unhealthy', Log: [{ ExitCode: 1, Output: 'no' }] },
  },
  Config: { Healthcheck: { Test: ['CMD-SHELL', 'true'], Timeout: 1e9 }, Shell: ['/bin/ash', '-c'] },
  Running: false,
  ExitCode: 0,
  RepoDigests: ['a@sha256:' + 'a'.repeat(64)],
  Labels: { [LABELS.fleet]: 'acme', 'slipway.settings': 'x', 'com.docker.compose.project': 'shop' },
  Containers: { c1: { Name: 'x' } },
  Volumes: [{ Name: 'v', Labels: { [LABELS.fleet]: 'acme' } }],
}

/** An engine that answers every call with the same bytes. */
function engineThatSays(input: Buffer, list: Buffer = input): Engine {
  const answer = (path: string) => {
    const body = path === '/containers/json' ? list : input
    return Promise.resolve(ok({ status: 200, headers: {}, chunks: [body], body }))
  }
  return {
    server: 'lon-1',
    fleet: 'acme',
    apiMinor: 45,
    facts,
    defaults: { runtime: 'runc', logDriver: 'json-file', cgroup: 'private' },
    limits: DRIVER_LIMITS,
    clock: { nowMs: () => 1_000, after: () => () => undefined },
    registryAuths: {},
    say: () => undefined,
    call: (call) => answer(withDefaults(call, DRIVER_LIMITS).path),
    open() {
      const stream = new PassThrough()
      // In pieces, as a socket gives them.
      for (let at = 0; at < input.byteLength; at += 16_384) stream.write(input.subarray(at, at + 16_384))
      stream.end()
      const response = Object.assign(stream, { complete: true })
      return Promise.resolve(ok({ response: response as never, close: () => void stream.destroy() }))
    },
    inLane: (_lane, _signal, work) => work(),
  }
}

function frame(kind: number, text: string): Buffer {
  const head = Buffer.from([kind, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(Buffer.byteLength(text), 4)
  return Buffer.concat([head, Buffer.from(text)])
}

const LINE = '2026-01-01T00:00:00.000000001Z hello\n'

function frames(random: Random): Buffer {
  const many = random.chance(0.1) ? 20_000 : 20
  const texts = ['', 'x', '\n', '\n'.repeat(1 + random.int(400_000)), LINE, 'é', '\r\n', 'y'.repeat(random.int(70_000))]
  const text = random.pick(texts)
  const parts = Array.from({ length: 1 + random.int(many) }, () =>
    frame(random.int(3), many > 20 ? text.slice(0, 9) : random.pick(texts)),
  )
  return Buffer.concat(parts)
}

export const ENGINE_TARGETS: readonly Target[] = [
  {
    name: 'container-list',
    about: 'the list of containers, which decides what is made and removed',
    samples: [Buffer.from(LIST), Buffer.from('[]\n'), Buffer.from(`[${JSON.stringify(ours)}]`)],
    words: LIST_WORDS,
    isJson: true,
    maxBytes: 4 * 1024 * 1024,
    quick: 500,
    read(input) {
      const alone = newListReader('lon-1', 'acme', { buffer: Buffer.alloc(0) }).read([input])
      const reader = newListReader('lon-1', 'acme', { buffer: Buffer.alloc(0) })
      reader.read([Buffer.from(JSON.stringify([foreign]))])
      reader.read([input])
      const after = reader.read([input.subarray(0, 5), input.subarray(5)])
      // What was seen before may save work and must not change what is read.
      if (JSON.stringify(after) !== JSON.stringify(alone))
        throw new Error(`a memory of another list changes what is read`)
      if (alone.ok) for (const replica of alone.value.replicas) if (!isReplica(replica)) throw new Error('no replica')
      return alone
    },
  },
  {
    name: 'engine-answers',
    about: 'inspections, lists of networks and volumes, and what is decided on them',
    samples: [Buffer.from(JSON.stringify(inspected)), Buffer.from(JSON.stringify([{ Name: 'n', Labels: {} }]))],
    words: [
      'Name',
      'Labels',
      'State',
      'Health',
      'Log',
      'Healthcheck',
      'Test',
      'CMD',
      'NONE',
      'RepoDigests',
      'Id',
      'net',
      'v',
    ],
    isJson: true,
    quick: 400,
    async read(input) {
      const engine = engineThatSays(input, Buffer.from(LIST))
      const memory = { commands: new Map(), hanging: new Map() }
      const network = {
        name: 'net',
        driver: 'bridge',
        external: false,
        internal: false,
        options: {},
        labels: {},
        subnets: [],
      }
      const volume = { name: 'v', driver: 'local', external: false, options: {}, labels: {} }
      const on = { server: 'lon-1', stack: 'shop' }
      return [
        await observe(engine, newSightings('lon-1', 'acme', { buffer: Buffer.alloc(0) }), [ours.Id], never),
        await diagnose(engine, 'c1', never),
        await runHealthcheck(engine, memory, 'c1', never),
        await ensureNetwork(engine, { kind: 'ensure-network', ...on, network } as never, never),
        await ensureVolume(engine, { kind: 'ensure-volume', ...on, volume } as never, null, never),
        await removeNetwork(engine, { kind: 'remove-network', ...on, network: 'net' }, never),
        await pullImage(engine, { kind: 'pull', ...on, image: 'a:1', policy: 'missing' } as never, never),
      ]
    },
  },
  textTarget({
    name: 'engine-info',
    about: 'what an engine says it is, and which version it speaks',
    samples: [
      JSON.stringify({
        ID: 'e',
        ServerVersion: '26',
        OSType: 'linux',
        Architecture: 'x86_64',
        Name: 'n',
        NCPU: 2,
        MemTotal: 1,
      }),
    ],
    words: ['ID', 'Architecture', 'NCPU', 'MemTotal', '1.45', '1.41', '2.0'],
    isJson: true,
    quick: 2_000,
    read: (text) => [chooseApi(text, 'lon-1'), withJson(text, (info) => readInfo(info, 45))],
  }),
  {
    name: 'engine-events',
    about: 'the stream of events',
    samples: [
      Buffer.from('{"Type":"container","Action":"die","Actor":{"ID":"a"}}\n{"Type":"volume","Action":"create"}\n'),
    ],
    words: ['container', 'die', 'start', 'Actor', 'ID', '\n', '{', '}'],
    isJson: true,
    maxBytes: 1024 * 1024,
    quick: 400,
    async read(input) {
      let hints = 0
      const sightings = newSightings('lon-1', 'acme', { buffer: Buffer.alloc(0) })
      await followEvents(engineThatSays(input), sightings, () => (hints += 1), never)
      return hints
    },
  },
  {
    name: 'pull-progress',
    about: 'what a pull reports',
    samples: [
      Buffer.from(`{"status":"Pulling from a"}\n{"status":"Digest: sha256:${'a'.repeat(64)}"}\n`),
      Buffer.from('{"errorDetail":{"message":"manifest unknown"},"error":"manifest unknown"}\n'),
    ],
    words: [
      'status',
      'error',
      'errorDetail',
      'message',
      'no space left on device',
      'unauthorized',
      'toomanyrequests',
      '\n',
    ],
    isJson: true,
    quick: 400,
    async read(input) {
      const engine = engineThatSays(input)
      const gone = fail({ kind: 'refused', status: 404, message: '' } as const)
      const action = { kind: 'pull', server: 'lon-1', stack: 'shop', image: 'a:1', policy: 'always' } as const
      const call: Engine['call'] = () => Promise.resolve(gone)
      return pullImage({ ...engine, call }, action, never)
    },
  },
  {
    name: 'log-stream',
    about: 'logs and output of containers, in the engine’s frames',
    samples: [Buffer.concat([frame(1, LINE), frame(2, LINE)]), frame(1, 'no newline')],
    generate: frames,
    maxBytes: 2 * 1024 * 1024,
    quick: 120,
    async read(input) {
      const texts: string[] = []
      const isSound = newDemuxer((stream, text) => void texts.push(stream, text))(input)
      const engine = engineThatSays(input)
      const lines: unknown[] = []
      let problem: unknown = null
      try {
        for await (const line of readLogs(engine, 'c1', { tail: 10, follow: false }, never)) lines.push(line)
      } catch (error) {
        problem = error instanceof Error && 'problem' in error ? error.problem : error
      }
      const inspection = JSON.stringify(inspected)
      const call: Engine['call'] = async (one, signal) => {
        const answer = await engine.call(one, signal)
        const body = one.path.endsWith('/logs') ? input : Buffer.from(inspection)
        return answer.ok ? ok({ ...answer.value, body }) : answer
      }
      const evidence = await diagnose({ ...engine, call }, 'c1', never)
      const memory = { commands: new Map([['c1', { argv: ['true'], timeoutMs: 1 }]]), hanging: new Map() }
      const health = await runHealthcheck({ ...engine, call }, memory, 'c1', never)
      if (texts.join('').length > input.byteLength * 2) throw new Error('more text than bytes')
      return [isSound, texts.length, lines.length, lines.slice(0, 5), problem, evidence, health]
    },
  },
]

function withJson(text: string, read: (value: unknown) => unknown): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  return read(value)
}
