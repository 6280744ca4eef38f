import fc from 'fast-check'
import { FOLDER, serviceOf, yamlOf } from './services.js'
import type { Files, Tree } from './services.js'
import { SERVICE_KEYS, network, volumeDeclaration } from './values.js'

// Several files that make one project: overrides, `!reset` and `!override`, `extends`, `include`, profiles.

/** A key with what stands before its value; `yamlOf` makes a tag of it. */
const tagged = (name: string, tag: string): string => (tag === '' ? name : `${tag} ${name}`)

/** Some keys of a service with values of their own, often those that it lies over, now and then with one of Compose's tags. */
function patchOf(below: Tree): fc.Arbitrary<Tree> {
  const known = Object.keys(SERVICE_KEYS)
  const own = Object.keys(below).filter((name) => known.includes(name))
  const name =
    own.length === 0
      ? fc.constantFrom(...known)
      : fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...own) }, fc.constantFrom(...known))
  return fc
    .uniqueArray(name, { minLength: 1, maxLength: 4 })
    .chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          fc.tuple(
            fc.oneof({ weight: 6, arbitrary: fc.constant('') }, fc.constant('!override'), fc.constant('!reset')),
            fc.constant(name),
            SERVICE_KEYS[name] ?? fc.constant(null),
          ),
        ),
      ),
    )
    .map((parts): Tree =>
      Object.fromEntries(parts.map(([tag, name, value]) => [tagged(name, tag), tag === '!reset' ? null : value])),
    )
}

const overrideOf = (web: Tree, db: Tree | null) =>
  fc
    .record({
      name: fc.constantFrom('compose.override.yaml', 'docker-compose.override.yml', 'prod.yaml'),
      web: patchOf(web),
      db: fc.option(patchOf(db ?? {}), { freq: 2 }),
      extra: fc.option(serviceOf(Object.keys(SERVICE_KEYS)), { freq: 3 }),
      networks: fc.option(fc.record({ front: network('front') }), { freq: 2 }),
      volumes: fc.option(fc.record({ data: volumeDeclaration('data') }), { freq: 2 }),
    })
    .map(({ name, extra, networks, volumes, ...patches }) => ({
      name,
      tree: present({ services: present({ ...patches, extra }), networks, volumes }),
    }))

/** What a service may say where its file has no configs and secrets of the same paths. */
const ELSEWHERE = Object.keys(SERVICE_KEYS).filter((name) => name !== 'configs' && name !== 'secrets')

const extending = fc.record({
  base: serviceOf(Object.keys(SERVICE_KEYS)),
  root: fc.option(patchOf({}), { freq: 2 }),
  where: fc.constantFrom('here', 'common.yaml', './common/services.yaml', 'common/deep/base.yaml'),
  isShort: fc.boolean(),
})

const including = fc.record({
  inner: serviceOf(ELSEWHERE),
  over: fc.option(patchOf({}), { freq: 2 }),
  form: fc.constantFrom<'short' | 'path' | 'paths' | 'directory' | 'env_file'>(
    ...(['short', 'path', 'paths', 'directory', 'env_file'] as const),
  ),
  // Compose compares the two declarations as they are written, so that most cases of this kind are refused.
  isDeclared: fc.constantFrom(true, false, false, false, false),
  isNested: fc.boolean(),
})

const profiles = fc.record({
  twin: fc.constantFrom(['debug'], ['debug', 'ops'], ['other'], []),
  active: fc.constantFrom('', 'COMPOSE_PROFILES=debug\n', 'COMPOSE_PROFILES=ops,test\n', 'COMPOSE_PROFILES=*\n'),
})

/** What lies over the one file of a simple case. */
export const layersOf = (web: Tree, db: Tree | null) =>
  fc.record({
    override: fc.option(overrideOf(web, db), { freq: 4 }),
    extending: fc.option(extending, { freq: 2 }),
    including: fc.option(including, { freq: 2 }),
    profiles: fc.option(profiles, { freq: 2 }),
  })

export type Layers = ReturnType<typeof layersOf> extends fc.Arbitrary<infer T> ? T : never

/** The other files of a project, and what its first one says more. */
export interface Layered {
  readonly top: Tree
  readonly files: Files
  /** Lines of its `.env`. */
  readonly dotenv: string
}

export function layered(top: Tree, made: Layers, flow: boolean): Layered {
  const steps = [withProfiles, withExtends, withIncludes, withOverride]
  return steps.reduce<Layered>((done, step) => step(done, made, flow), { top, files: {}, dotenv: '' })
}

type Step = (done: Layered, made: Layers, flow: boolean) => Layered

const withProfiles: Step = (done, { profiles: made }) => {
  if (made === null) return done
  const twin = { ...tree(services(done)['twin']), profiles: made.twin }
  return { ...withServices(done, { twin }), dotenv: done.dotenv + made.active }
}

const withExtends: Step = (done, { extending: made }, flow) => {
  if (made === null) return done
  const isHere = made.where === 'here'
  const wish = isHere ? (made.isShort ? 'base' : { service: 'base' }) : { file: made.where, service: 'base' }
  const web = { ...tree(services(done)['web']), extends: wish }
  const base = made.root === null ? made.base : { ...made.base, extends: { service: 'root' } }
  const root = made.root === null ? {} : { root: { image: 'root:1', ...untagged(made.root) } }
  if (isHere) return withServices(done, { web, base, ...root })
  const path = `${FOLDER}/${made.where.replace('./', '')}`
  const text = yamlOf({ services: { base, ...root } }, flow)
  return { ...withServices(done, { web }), files: { ...done.files, [path]: text, ...companions(directoryOf(path)) } }
}

const withIncludes: Step = (done, { including: made }, flow) => {
  if (made === null) return done
  const { form } = made
  const inner = { ...made.inner, labels: ['only=${ONLY:-absent}', 'a=${A}'] }
  const declared = made.isDeclared ? { networks: done.top['networks'], volumes: done.top['volumes'] } : {}
  const nested = made.isNested ? { include: ['deeper/compose.yaml'] } : {}
  const paths = form === 'paths' && made.over !== null ? ['inc/compose.yaml', 'inc/over.yaml'] : ['inc/compose.yaml']
  const wish =
    form === 'short'
      ? 'inc/compose.yaml'
      : {
          path: paths.length > 1 ? paths : paths[0],
          ...(form === 'directory' ? { project_directory: '.' } : {}),
          ...(form === 'env_file' ? { env_file: './inc/own.env' } : {}),
        }
  const files = {
    [`${FOLDER}/inc/compose.yaml`]: yamlOf({ ...nested, services: { inner }, ...declared }, flow),
    [`${FOLDER}/inc/over.yaml`]: yamlOf({ services: { inner: made.over ?? {} } }, flow),
    [`${FOLDER}/inc/.env`]: 'ONLY=inc\nA=not this one\n',
    [`${FOLDER}/inc/own.env`]: 'ONLY="own ${A}"\n',
    [`${FOLDER}/inc/deeper/compose.yaml`]: 'services: { deep: { image: "deep:${TAG}", env_file: [web.env] } }\n',
    // Relative to the included file, or to the project's directory when that is named.
    [`${FOLDER}/deeper/compose.yaml`]: 'services: { deep: { image: "other:1", labels: ["only=${ONLY:-none}"] } }\n',
    [`${FOLDER}/inc/deeper/.env`]: 'TAG=deeper\n',
    ...companions(`${FOLDER}/inc`),
    ...companions(`${FOLDER}/inc/deeper`),
  }
  return { ...done, top: { include: [wish], ...done.top }, files: { ...done.files, ...files } }
}

const withOverride: Step = (done, { override: made }, flow) => {
  if (made === null) return done
  const isFound = made.name.includes('override')
  const files = { ...done.files, [`${FOLDER}/${made.name}`]: yamlOf(made.tree, flow) }
  return { ...done, files, dotenv: done.dotenv + (isFound ? '' : `COMPOSE_FILE=compose.yaml:${made.name}\n`) }
}

function withServices(done: Layered, more: Tree): Layered {
  return { ...done, top: { ...done.top, services: { ...services(done), ...more } } }
}

function services(done: Layered): Tree {
  return tree(done.top['services'])
}

function tree(value: unknown): Tree {
  return value as Tree
}

/** What values name by relative paths, with contents that tell one directory from another. */
function companions(directory: string): Files {
  return {
    [`${directory}/web.env`]: `HERE=${directory}\nB=elsewhere \${A}\n`,
    [`${directory}/more.env`]: `MORE=${directory}\n`,
    [`${directory}/html/index.html`]: directory,
  }
}

function directoryOf(path: string): string {
  return path.replace(/\/[^/]*$/, '')
}

function untagged(made: Tree): Tree {
  return Object.fromEntries(Object.entries(made).filter(([name]) => !name.startsWith('!')))
}

function present(made: Readonly<Record<string, unknown>>): Tree {
  return Object.fromEntries(Object.entries(made).filter(([, value]) => value !== null))
}
