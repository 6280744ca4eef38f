import fc from 'fast-check'
import { COMPOSE_PATH } from './project.js'
import { layered, layersOf } from './layers.js'
import type { Layers } from './layers.js'
import { FOLDER, serviceOf, yamlOf } from './services.js'
import type { Files, Tree } from './services.js'
import { SERVICE_KEYS, dotenv, envFile, network, volumeDeclaration } from './values.js'

const service = serviceOf(Object.keys(SERVICE_KEYS))

const condition = fc.constantFrom('service_started', 'service_healthy', 'service_completed_successfully')
const dependency = fc.oneof(
  fc.constant(['db']),
  condition.map((one) => ({ db: { condition: one } })),
  fc
    .tuple(condition, fc.boolean(), fc.boolean())
    .map(([one, required, restart]) => ({ db: { condition: one, required, restart } })),
)

/** Other ways to need another service. */
const joining = fc.constantFrom<Tree>(
  ...[{ links: ['db'] }, { links: ['db:sql', 'db'] }, { volumes_from: ['db'] }, { volumes_from: ['db:ro'] }],
  ...[{ ipc: 'service:db' }, { pid: 'service:db' }, { container_name: 'own-name' }],
)

/** Keys that are shared by a YAML merge, with a service's own on top. */
const merging = fc.record({ base: service, own: service, isList: fc.boolean() })

const layout = fc.record({
  web: service,
  db: fc.option(service, { freq: 2 }),
  depends: fc.option(dependency, { freq: 2 }),
  joins: fc.option(joining, { freq: 3 }),
  merged: fc.option(merging, { freq: 3 }),
  name: fc.constantFrom(null, null, 'shop', 'other-name', '${NONE:-named}'),
  networks: fc.record({ front: network('front'), back: network('back') }),
  volumes: fc.record({ data: volumeDeclaration('data'), logs: volumeDeclaration('logs') }),
  dotenv,
  webEnv: envFile,
  moreEnv: envFile,
  flow: fc.boolean(),
})

type Layout = typeof layout extends fc.Arbitrary<infer T> ? T : never

/** The files of a repository with one stack, in one Compose file or in several. */
export const caseOf: fc.Arbitrary<Files> = layout.chain((made) =>
  fc.option(layersOf(made.web, made.db), { freq: 3, nil: NO_LAYERS }).map((over) => filesOf(made, over)),
)

const NO_LAYERS: Layers = { override: null, extending: null, including: null, profiles: null }

function filesOf(made: Layout, over: Layers): Files {
  const db = made.db ?? { image: 'postgres:16' }
  const web = { ...made.web, ...made.joins, ...(made.depends !== null ? { depends_on: made.depends } : {}) }
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
    secrets: { token: { file: './token.txt' }, given: { environment: 'FROM_ENV' } },
  }
  const whole = layered(dropUndefined(top), over, made.flow)
  return {
    ...whole.files,
    [COMPOSE_PATH]: yamlOf(whole.top, made.flow),
    [`${FOLDER}/.env`]: made.dotenv + whole.dotenv,
    [`${FOLDER}/web.env`]: made.webEnv,
    [`${FOLDER}/more.env`]: made.moreEnv,
    [`${FOLDER}/page.html`]: '<p>',
    [`${FOLDER}/token.txt`]: 's3cret',
    [`${FOLDER}/html/index.html`]: '<h1>',
    [`${FOLDER}/html/deep/a.css`]: 'a {}',
  }
}

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
