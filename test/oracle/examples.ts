import { readFileSync } from 'node:fs'
import { Document, isMap, parseDocument } from 'yaml'
import { COMPOSE_PATH } from './project.js'
import type { Case } from './run-cases.js'
import { FOLDER } from './services.js'
import type { Files, Tree } from './services.js'

// The examples of the Compose Specification. Most are pieces: what they lack stands in a file that is laid over them.

interface Block {
  readonly page: string
  readonly line: number
  readonly text: string
}

const BLOCKS_FILE = new URL('../manifest/specification/examples.json', import.meta.url)
const SECTIONS = ['services', 'networks', 'volumes', 'configs', 'secrets', 'include', 'models']

/** By page and line, and which of several that stand in one block. */
export function specificationExamples(): readonly Case[] {
  const blocks = (JSON.parse(readFileSync(BLOCKS_FILE, 'utf8')) as readonly Block[]).map(mended)
  const single = blocks.flatMap((block) =>
    alternatives(block.text).map((text, at) => exampleOf(`${block.page}:${block.line}/${at}`, [projectText(text)])),
  )
  // The page of merges shows a file, what is laid over it, and what that gives: each is laid over the one before.
  const merges = blocks
    .filter(({ page }) => page === '13-merge')
    .flatMap((block, at, all) => {
      const over = all[at + 1]
      const texts = over === undefined ? [] : [projectText(block.text), projectText(over.text)]
      return over === undefined ? [] : [exampleOf(`${block.page}:${block.line}+${over.line}`, texts)]
    })
  const profiles = blocks
    .filter(({ page }) => page === '15-profiles')
    .flatMap(({ page, line, text }) =>
      ['test', 'debug', 'test,debug'].map((active) =>
        exampleOf(`${page}:${line} with ${active}`, [text], `COMPOSE_PROFILES=${active}\n`),
      ),
    )
  return [...single, ...merges, ...profiles]
}

/** The page of merges has slips of indentation and case, the one of services a stray mark. */
function mended({ page, line, text }: Block): Block {
  const right = text.replace(/^services:\napp:/, 'services:\n  app:').replaceAll('    DNS:', '    dns:')
  return { page, line, text: right.replaceAll('0`', '0') }
}

/** A block that has one key several times shows ways to write it. */
function alternatives(text: string): readonly string[] {
  const keys = [...text.matchAll(/^ *([a-z_]+):/gm)].map(([, key]) => key)
  const isOneKey = keys.length > 1 && new Set(keys).size === 1
  // One port that Compose cannot read would hide all the others.
  if (text.startsWith('ports:\n  - "')) return [...text.matchAll(/^ +- .*$/gm)].map(([item]) => `ports:\n${item}\n`)
  return isOneKey ? text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [`${line.trim()}\n`])) : [text]
}

/** A whole project: services are put under their key, and what belongs to a service into one. */
function projectText(text: string): string {
  const top = treeOf(text)
  if (top === null || Object.keys(top).some((key) => SECTIONS.includes(key) && !Array.isArray(top[key]))) return text
  if ('include' in top) return text
  if ('test' in top) return `services:\n  web:\n    healthcheck:\n${indented(text, 6)}`
  const areServices = Object.values(top).every(
    (value) => isTree(value) && ('image' in value || 'links' in value || 'build' in value || 'provider' in value),
  )
  return areServices ? `services:\n${indented(text, 2)}` : `services:\n  web:\n${indented(text, 4)}`
}

function exampleOf(name: string, texts: readonly string[], dotenv = ''): Case {
  const files = Object.fromEntries(
    texts.map((text, at) => [at === 0 ? COMPOSE_PATH : `${FOLDER}/over-${at}.yaml`, text]),
  )
  const trees = texts.map(treeOf).filter((tree) => tree !== null)
  const names = ['compose.yaml', ...texts.slice(1).map((_, at) => `over-${at + 1}.yaml`), 'rest.yaml']
  return {
    name,
    files: {
      ...filesNamedBy(trees),
      ...files,
      [`${FOLDER}/rest.yaml`]: new Document(rest(trees)).toString(),
      [`${FOLDER}/.env`]: `${VARIABLES}${dotenv}COMPOSE_FILE=${names.join(':')}\n`,
    },
  }
}

const VARIABLES =
  'DEBUG=1\nOAUTH_TOKEN=oauth\nNETWORK_ID=net\nDATABASE_VOLUME=vol\nHTTP_CONFIG_KEY=key\nCERTIFICATE_KEY=cert\nCONFIG_KEY=c\nVAR_INTERPOLATED_BY_COMPOSE=v\n'

/** Images, and everything that is named and not declared; and a service that uses what is declared. */
function rest(trees: readonly Tree[]): Tree {
  const services = new Map(trees.flatMap((tree) => Object.entries(treeAt(tree, 'services'))))
  const all = [...services].flatMap(([name, value]) => (isTree(value) ? [[name, value] as const] : []))
  const needed = all.flatMap(([, service]) => [
    ...namesIn(service['depends_on']),
    ...namesIn(service['links']).map((link) => link.split(':')[0] ?? ''),
    ...namesIn(service['volumes_from']).flatMap((from) =>
      from.startsWith('container:') ? [] : [from.split(':')[0] ?? ''],
    ),
  ])
  const isIncluded = trees.some((tree) => 'include' in tree)
  const missing = needed.filter(
    (name) => !services.has(name) && !(isIncluded && /^(serviceB|included-service)$/.test(name)),
  )
  const declared = (section: string): readonly string[] => trees.flatMap((tree) => Object.keys(treeAt(tree, section)))
  const isBare = all.length === 0 && !isIncluded
  return {
    services: {
      ...Object.fromEntries(
        all.filter(([, service]) => !('image' in service) && !('extends' in service)).map(([name]) => [name, IMAGE]),
      ),
      ...Object.fromEntries(missing.map((name) => [name, IMAGE])),
      ...(isBare ? { user: { ...IMAGE, ...usesOf(declared) } } : {}),
    },
    networks: emptyOf(all.flatMap(([, service]) => namesIn(service['networks']))),
    volumes: emptyOf(
      all.flatMap(([, service]) =>
        namesIn(service['volumes']).flatMap((volume) => /^([a-z][\w-]*):/.exec(volume)?.[1] ?? []),
      ),
    ),
  }
}

const IMAGE = { image: 'busybox' }

function usesOf(declared: (section: string) => readonly string[]): Tree {
  const uses = {
    networks: declared('networks'),
    volumes: declared('volumes').map((name) => `${name}:/volumes/${name}`),
    configs: declared('configs'),
    secrets: declared('secrets'),
  }
  return Object.fromEntries(Object.entries(uses).filter(([, names]) => names.length > 0))
}

/** Nothing more is said of what is declared already. */
function emptyOf(names: readonly string[]): Tree {
  return Object.fromEntries(names.map((name) => [name, null]))
}

/** Files that the examples name, with something in them. */
function filesNamedBy(trees: readonly Tree[]): Files {
  const text = JSON.stringify(trees)
  const named = [...text.matchAll(/"(\.{0,2}\/?[\w./-]+\.(?:env|txt|conf|cert|labels|json|ya?ml))"/g)].map(
    ([, path = '']) => path,
  )
  return Object.fromEntries(
    named.map((path) => [new URL(path, `file:///${FOLDER}/`).pathname.slice(1), contentOf(path)]),
  )
}

function contentOf(path: string): string {
  const [, services] = OTHER_FILES.find(([pattern]) => pattern.test(path)) ?? []
  return services === undefined ? `FROM="${path}"\n` : new Document({ services }).toString()
}

/** Compose files that the examples name and do not show. */
const OTHER_FILES: readonly (readonly [path: RegExp, services: Tree])[] = [
  [/my-compose-include/, { serviceB: IMAGE }],
  [/another.*ya?ml$/, { 'included-service': IMAGE }],
  [/override.*ya?ml$/, { shared: { labels: ['over=1'], stdin_open: true } }],
  [/commons.*ya?ml$/, { shared: { ...IMAGE, labels: { under: 1 }, tty: true } }],
  [/common\.yml$/, { webapp: { ...IMAGE, environment: ['A=1'], ports: ['80'] } }],
]

function namesIn(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.filter((one): one is string => typeof one === 'string')
  return isTree(value) ? Object.keys(value) : []
}

function treeOf(text: string): Tree | null {
  const document = parseDocument(text, { logLevel: 'silent', merge: true })
  return document.errors.length === 0 && isMap(document.contents) ? (document.toJS() as Tree) : null
}

function treeAt(tree: Tree, key: string): Tree {
  const value = tree[key]
  return isTree(value) ? value : {}
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function indented(text: string, by: number): string {
  const least = Math.min(
    ...text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [/^ */.exec(line)?.[0].length ?? 0])),
  )
  return text.replaceAll(/^(?=.)/gm, ' '.repeat(by)).replaceAll(new RegExp(`^ {${least}}`, 'gm'), '')
}
