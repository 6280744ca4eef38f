import fc from 'fast-check'
import { stringify } from 'yaml'
import { COMPOSE_PATH } from './expected.js'
import { SERVICE_KEYS, dotenv, envFile, image, network, volumeDeclaration } from './values.js'

export type Files = Readonly<Record<string, string>>
type Tree = Readonly<Record<string, unknown>>

export const FOLDER = 'stacks/shop'

/** Few keys at a time, so that one that is refused does not hide what the others do. */
const keys = fc.uniqueArray(fc.constantFrom(...Object.keys(SERVICE_KEYS)), { minLength: 1, maxLength: 7 })

/** Keys that exclude each other more often than not. */
const RIVALS: Readonly<Record<string, string>> = {
  network_mode: 'networks',
  scale: 'deploy',
  secrets: 'read_only',
  configs: 'read_only',
}

const service = keys
  .map((names) => names.filter((name) => !names.includes(RIVALS[name] ?? '')))
  .chain((names) => fc.record(Object.fromEntries(names.map((name) => [name, SERVICE_KEYS[name] ?? fc.constant(null)]))))
  .chain((rest) => image.map((one): Tree => ({ image: one, ...rest })))

const condition = fc.constantFrom('service_started', 'service_healthy', 'service_completed_successfully')
const dependency = fc.oneof(
  fc.constant(['db']),
  condition.map((one) => ({ db: { condition: one } })),
  fc
    .tuple(condition, fc.boolean(), fc.boolean())
    .map(([one, required, restart]) => ({ db: { condition: one, required, restart } })),
)

/** Keys that are shared by a YAML merge, with a service's own on top. */
const merging = fc.record({ base: service, own: service, isList: fc.boolean() })

const layout = fc.record({
  web: service,
  db: fc.option(service, { freq: 2 }),
  depends: fc.option(dependency, { freq: 2 }),
  merged: fc.option(merging, { freq: 3 }),
  name: fc.constantFrom(null, null, 'shop', 'other-name', '${NONE:-named}'),
  networks: fc.record({ front: network('front'), back: network('back') }),
  volumes: fc.record({ data: volumeDeclaration('data'), logs: volumeDeclaration('logs') }),
  dotenv,
  webEnv: envFile,
  moreEnv: envFile,
  flow: fc.boolean(),
})

/** The files of a repository with one stack. */
export const caseOf: fc.Arbitrary<Files> = layout.map((made) => {
  const db = made.db ?? { image: 'postgres:16' }
  const web = { ...made.web, ...(made.depends !== null ? { depends_on: made.depends } : {}) }
  // One object at two places is written as an anchor and its alias.
  const shared = made.merged === null ? {} : mergedService(made.merged)
  const top: Tree = {
    ...(made.merged === null ? {} : { 'x-base': made.merged.base }),
    ...(made.name === null ? {} : { name: made.name }),
    services: {
      web,
      db,
      ...shared,
      twin: { image: 'twin:1', labels: made.web['labels'], environment: db['environment'] },
    },
    networks: made.networks,
    volumes: made.volumes,
    configs: { page: { file: 'page.html' }, inline: { content: 'a=${A}\n' } },
    secrets: { token: { file: './token.txt' } },
  }
  return {
    [COMPOSE_PATH]: yamlOf(dropUndefined(top), made.flow),
    [`${FOLDER}/.env`]: made.dotenv,
    [`${FOLDER}/web.env`]: made.webEnv,
    [`${FOLDER}/more.env`]: made.moreEnv,
    [`${FOLDER}/page.html`]: '<p>',
    [`${FOLDER}/token.txt`]: 's3cret',
  }
})

function mergedService({
  base,
  own,
  isList,
}: {
  readonly base: Tree
  readonly own: Tree
  readonly isList: boolean
}): Tree {
  return { merged: { '<<': isList ? [base] : base, ...own } }
}

function dropUndefined(top: Tree): Tree {
  const services = Object.entries(top['services'] as Tree).map(([name, value]) => [
    name,
    Object.fromEntries(Object.entries(value as Tree).filter(([, inner]) => inner !== undefined)),
  ])
  return { ...top, services: Object.fromEntries(services) as Tree }
}

/** YAML with aliases for what is shared, merge keys unquoted, and raw scalars as they are. */
export function yamlOf(top: Tree, flow: boolean): string {
  const text = stringify(top, { aliasDuplicateObjects: true, collectionStyle: flow ? 'flow' : 'any', lineWidth: 0 })
  return text.replaceAll(/^(\s*)"<<":/gm, '$1<<:').replaceAll(/"?§([^§]*)§"?/g, '$1')
}
