import { describe, expect, it } from 'vitest'
import { formatLimits, specHash } from '../../src/model/index.js'
import type { GuardName, ServiceSpec } from '../../src/model/index.js'
import { GUARDS, compareContainer, createPayload, mayAsk, refusedAsks } from '../../src/payload/index.js'
import type { Comparison } from '../../src/payload/index.js'
import { COMPOSE_KEYS } from '../../src/manifest/compose-keys.js'
import { limitCauses } from '../../src/planner/limits.js'
import { specCauses } from '../../src/planner/spec-causes.js'
import { FLEET, stackOf } from '../manifest/repository.js'
import { runAction } from '../driver/fixtures.js'
import { ROWS } from './compose-rows.js'
import type { Row } from './compose-rows.js'

type Fields = Readonly<Record<string, unknown>>

const JOINED = new Map([['db', 'id-of-db']])

describe('every honoured key of a service becomes exactly this in the body of create', () => {
  it.each(ROWS.map((row) => [`${row.key}: ${row.yaml.replaceAll('\n', ' · ')}`, row] as const))('%s', (_title, row) => {
    const api = row.api ?? 45
    const added = difference(payloadOf({ key: '', yaml: '', payload: {} }, api), payloadOf(row, api))
    expect(added).toEqual(row.payload)
  })
})

/** Honoured, and no part of the body of `create`. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  configs: 'files, put into the created container',
  depends_on: 'order',
  'deploy.mode': 'how many',
  'deploy.placement': 'where',
  'deploy.replicas': 'how many',
  'deploy.resources.reservations.cpus': 'where',
  'deploy.rollback_config': 'when',
  'deploy.update_config': 'when',
  extends: 'loading',
  platform: 'where, and a parameter of the call',
  profiles: 'loading',
  pull_policy: 'the image',
  pull_refresh_after: 'the image',
  scale: 'how many',
  secrets: 'files, put into the created container',
}

it('no honoured key of a service is without a row here', () => {
  const rows = new Set(ROWS.map(({ key }) => key.split('.')[0]))
  const deploy = ROWS.map(({ key }) => key).filter((key) => key.startsWith('deploy.'))
  const honoured = COMPOSE_KEYS.filter(([path, kind]) => kind === 'honoured' && path.startsWith('services.*.'))
  const missing = honoured
    .map(([path]) => path.slice('services.*.'.length).replaceAll('[]', ''))
    .filter((path) => !Object.keys(ELSEWHERE).some((key) => path === key || path.startsWith(`${key}.`)))
    .filter((path) =>
      path.startsWith('deploy')
        ? !deploy.some((key) => path === key || path.startsWith(`${key}.`) || key.startsWith(`${path}.`))
        : !rows.has(path.split('.')[0] ?? ''),
    )
  expect(missing).toEqual([])
})

it('a service that asks for something guarded, by whatever key, is known to ask without its body', () => {
  const guards = { prune: 1, history: 'any', deny: Object.keys(GUARDS) as GuardName[] } as const
  const more = [
    'cap_add: [SYS_ADMIN]',
    'devices: [/dev/sda]',
    'device_cgroup_rules: ["a *:* rwm"]',
    'volumes: [/etc:/e:ro]',
    'volumes_from: ["container:x"]',
  ]
  const asking = [...ROWS, ...more.map((yaml) => ({ key: '', yaml, payload: {} }))].filter((row) => {
    const spec = specOf(row)
    const asks = refusedAsks(createPayload(runAction('one', spec), spec.image, 45, JOINED), guards, JOINED)
    if (asks.length > 0 && !mayAsk(spec)) throw new Error(`${row.yaml} is passed over`)
    return asks.length > 0
  })
  expect(asking.length).toBeGreaterThan(15)
  expect(mayAsk(specOf({ key: '', yaml: 'mem_limit: 64m\nports: ["80"]', payload: {} }))).toBe(false)
})

describe('a change of it is seen in the plan, in the words of Compose', () => {
  const OUTSIDE =
    /^(?:cpus|mem_limit|mem_reservation|memswap_limit|pids_limit|deploy\.resources\.(?:limits|reservations\.memory).*)$/
  it.each(ROWS.filter((row) => Object.keys(row.payload).length > 0).map((row) => [row.key, row] as const))(
    '%s',
    (key, row) => {
      const [before, after] = [specOf({ key: '', yaml: '', payload: {} }), specOf(row)]
      const inPlace = formatLimits(before) !== formatLimits(after)
      expect(inPlace).toBe(OUTSIDE.test(key))
      if (inPlace) return expect(limitCauses(formatLimits(before), after.limits)).not.toEqual([])
      expect(specHash(after)).not.toBe(specHash(before))
      const fields = specCauses(before, after).map(({ field }) => field)
      expect(fields).not.toContain('spec')
      expect(fields.join(' ')).toContain(CAUSE_WORDS[key] ?? key.replace(/^deploy\./, '').split('.')[0])
    },
  )
})

/** Of containers that Compose made; what Slipway changes in place is told apart from what makes one anew. */
describe('a container that has it is told from one that has not', () => {
  const bare = specOf({ key: '', yaml: '', payload: {} })
  it.each(ROWS.filter((row) => Object.keys(row.payload).length > 0).map((row) => [row.key, row] as const))(
    '%s',
    (key, row) => {
      const spec = specOf(row)
      const { differences, limits, restart } = comparisonOf(spec, bare, row.api ?? 45)
      const inPlace = limits !== formatLimits(spec) || JSON.stringify(restart) !== JSON.stringify(spec.restart)
      // Which image a container has is not in its own description, and three rows say what the engine does anyhow.
      const isSame = /^(?:image|isolation|runtime|cgroup)$/.test(row.key) && !row.yaml.includes('host')
      expect(differences.length > 0).toBe(!inPlace && !isSame)
      const fields = differences.map(({ field }) => field).join(' ')
      const isOfNetwork = key === 'mac_address' && (row.api ?? 45) > 43
      const word = isOfNetwork ? 'networks' : (WORDS[key] ?? CAUSE_WORDS[key] ?? firstOf(key))
      if (differences.length > 0) expect(fields).toContain(word)
      const isShipped = spec.files.length > 0 || spec.mounts.some(({ kind }) => kind === 'shipped')
      const itself = comparisonOf(spec, spec, row.api ?? 45)
      expect(itself.differences.length > 0).toBe(isShipped)
      expect([itself.limits, itself.restart]).toEqual([formatLimits(spec), spec.restart])
    },
  )
})

/** The engine's own view of a container has fewer words than a file. */
const WORDS: Readonly<Record<string, string>> = {
  'deploy.resources.reservations.devices': 'gpus',
  'devices.cdi': 'gpus',
  gpus: 'gpus',
  post_start: 'post_start and pre_stop',
  pre_stop: 'post_start and pre_stop',
  external_links: 'networks',
  links: 'networks',
}

function firstOf(key: string): string {
  return key.replace(/^deploy\./, '').split('.')[0] ?? ''
}

/** A container of `has`, as an engine would describe it, beside one that is wanted. */
function comparisonOf(wants: ServiceSpec, has: ServiceSpec, api: number): Comparison {
  const { HostConfig, NetworkingConfig, ...Config } = createPayload(runAction('one', has), has.image, api, JOINED)
  const { EndpointsConfig } = (NetworkingConfig ?? { EndpointsConfig: {} }) as { readonly EndpointsConfig: Fields }
  const filledIn = { ShmSize: 64 * 1024 * 1024, IpcMode: 'private', CgroupnsMode: 'private', Runtime: 'runc' }
  const container = {
    Id: 'a1b2c3d4e5f6a7b8',
    Name: '/shop-web-1',
    Config: { Hostname: 'a1b2c3d4e5f6', AttachStdout: true, ...Config },
    HostConfig: { ...filledIn, LogConfig: { Type: 'json-file', Config: {} }, ConsoleSize: [0, 0], ...HostConfig },
    NetworkSettings: { Networks: EndpointsConfig },
  }
  const engine = { runtime: 'runc', logDriver: 'json-file', cgroup: 'private' } as const
  return compareContainer(runAction('one', wants), JOINED, {
    container,
    image: {},
    engine,
    copied: new Set<string>(),
    apiMinor: api,
  })
}

/** Two keys that say one thing have one name in a plan. */
const CAUSE_WORDS: Readonly<Record<string, string>> = {
  container_name: 'networks',
  credential_spec: 'security_opt',
  env_file: 'environment',
  external_links: 'links',
  tmpfs: 'volumes',
  use_api_socket: 'volumes',
  label_file: 'labels',
  restart_policy: 'restart',
  'deploy.restart_policy': 'restart',
  'deploy.resources.reservations.devices': 'device_requests',
  'devices.cdi': 'device_requests',
  gpus: 'device_requests',
}

/** What the second has and the first has not, or has otherwise. */
function difference(before: Fields, after: Fields): Fields {
  const gone = Object.keys(before).filter((key) => !(key in after))
  expect(gone.filter((key) => key !== 'NetworkingConfig')).toEqual([])
  return Object.fromEntries(
    Object.entries(after).flatMap(([key, value]): (readonly [string, unknown])[] => {
      const old = before[key]
      if (JSON.stringify(old) === JSON.stringify(value)) return []
      return key === 'HostConfig' || key === 'Labels'
        ? [[key, difference(old as Fields, value as Fields)]]
        : [[key, value]]
    }),
  )
}

function payloadOf(row: Row, api: number): Fields {
  const spec = specOf(row)
  const payload = createPayload(runAction('one', spec), spec.image, api, JOINED)
  const labels = Object.entries(payload.Labels).filter(
    ([key]) => key === 'slipway.hooks' || !/^(?:slipway|com\.docker\.compose)\./.test(key),
  )
  const text = JSON.stringify({ ...payload, Labels: Object.fromEntries(labels) })
  return JSON.parse(text.replaceAll(/shop-web-1-[0-9a-f]{8}/g, 'NAME')) as Fields
}

function specOf({ yaml, top = '', files = {} }: Row): ServiceSpec {
  const image = yaml.startsWith('image:') ? '' : '    image: busybox:1.36\n'
  const lines = yaml
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `    ${line}\n`)
    .join('')
  const beside = Object.fromEntries(Object.entries(files).map(([name, text]) => [`stacks/shop/${name}`, text]))
  // What guards refuse is told elsewhere.
  beside['slipway.yaml'] = `${FLEET}guards: { allow: [${Object.keys(GUARDS).join(', ')}] }\n`
  const stack = stackOf(`services:\n  web:\n${image}${lines}${top}`, beside)
  const web = stack.services.find((spec) => spec.name === 'web')
  if (web === undefined) throw new Error('the service is missing')
  expect(specHash(web)).toMatch(/^[0-9a-f]{20}$/)
  return web
}
