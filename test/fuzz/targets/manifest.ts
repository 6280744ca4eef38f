import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { createPayload } from '../../../src/payload/index.js'
import { createLoader } from '../../../src/manifest/index.js'
import { parseDotenv, parseRawEnv } from '../../../src/manifest/dotenv.js'
import { interpolate } from '../../../src/manifest/interpolate.js'
import { parseBytes, parseDuration } from '../../../src/manifest/quantities.js'
import { createReport } from '../../../src/manifest/report.js'
import { splitShellWords } from '../../../src/manifest/shell-words.js'
import { specHash } from '../../../src/model/index.js'
import { COMPOSE, FLEET, loadAll } from '../../manifest/repository.js'
import type { Contents } from '../../manifest/repository.js'
import { textTarget } from '../target.js'
import type { Target } from '../target.js'
import { BIG_STACK, COMPOSE_WORDS, FLEET_WORDS } from './words.js'

const SAMPLE = join(import.meta.dirname, '..', '..', '..', 'sample-repo')
const file = (path: string): string => readFileSync(join(SAMPLE, path), 'utf8')
const compose = file('stacks/shop/compose.yaml')
const fleet = file('slipway.yaml')
const fixtures = Object.fromEntries(
  readdirSync(join(SAMPLE, 'stacks/shop'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [path.slice(SAMPLE.length + 1), readFileSync(path, 'utf8')]),
)

// A loader remembers what it read, and two runs of one input are to be two readings.
const loaders = [createLoader(), createLoader()] as const
let turn = 0

function load(contents: Contents): unknown {
  turn += 1
  const { loaded, rounds } = loadAll(contents, loaders[turn % 2 === 0 ? 0 : 1])
  const stacks = loaded.kind === 'loaded' ? loaded.desired.stacks : []
  // What is valid is used further on: it must have a hash, and a body for the engine.
  const used = stacks.map((entry) => (entry.kind === 'valid' ? entry.stack.services.map(use) : []))
  return { loaded, rounds, used }
}

function use(spec: Parameters<typeof specHash>[0]): unknown {
  const slot = { stack: spec.stack, service: spec.name, key: '1' }
  const identity = { fleet: 'acme', slot, specHash: specHash(spec), revision: 'r', restart: '', controller: 'c' }
  const image = { digest: null, id: 'sha256:0' }
  return createPayload({ kind: 'run', server: 'one', stack: spec.stack, slot, spec, image, identity }, spec.image, 45)
}

export const MANIFEST_TARGETS: readonly Target[] = [
  textTarget({
    name: 'fleet-file',
    about: 'slipway.yaml, from the repository',
    samples: [fleet, FLEET, JSON.stringify(parse(fleet)), 'fleet: a\nservers: { a: { address: ssh://u@h:1 } }\n'],
    words: FLEET_WORDS,
    isJson: true,
    quick: 200,
    read: (text) => load({ 'slipway.yaml': text, known_hosts: '10.0.0.1 ssh-ed25519 AAAA\n' }),
  }),
  textTarget({
    name: 'compose-file',
    about: 'a Compose file, from the repository',
    samples: [compose, JSON.stringify(parse(compose)), JSON.stringify(BIG_STACK), 'services: { web: { image: a } }'],
    words: COMPOSE_WORDS,
    isJson: true,
    quick: 250,
    read: (text) =>
      load({ ...fixtures, 'slipway.yaml': FLEET, [COMPOSE]: text, 'stacks/shop/.env': 'BUSYBOX=busybox:1\n' }),
  }),
  textTarget({
    name: 'env-file',
    about: '.env and env_file, from the repository',
    samples: [
      'A=1\nexport B="two\\n${A:-x}" # c\nC=\'a b\'\nD: d\n\n#c\nE\n',
      'A="a\nb"\nB=$A${A}',
      file('stacks/shop/web.env'),
    ],
    words: ['export ', '${A}', '${A:-', '}', '$A', '\\n', '"', "'", '=', ':', '#', ' #', '\n', '\r\n'],
    quick: 600,
    read(text) {
      const report = createReport('e')
      const values = parseDotenv(text, new Map([['A', '1']]), (name) => (name === 'A' ? '1' : undefined), report)
      return {
        values,
        raw: parseRawEnv(text, new Map(), () => undefined, report),
        errors: report.errors(),
        warnings: report.warnings(),
      }
    },
  }),
  textTarget({
    name: 'text-values',
    about: 'variables, command lines, durations and sizes inside manifests',
    samples: ['${A:-${B:?no}}$$${C+x}', 'sh -c "a b" \'c\' d\\ e', '1h30m5s', '1.5gb', '$A ${A-b}${__proto__}'],
    words: ['${', '}', ':-', ':?', '$$', '"', "'", '\\', ' ', 'ms', 'us', 'kb', '.', '${constructor}'],
    quick: 2_000,
    read(text) {
      const said: string[] = []
      const trouble = {
        error: (code: string, message: string) => void said.push(code, message),
        unset: (name: string) => void said.push(name),
      }
      const lookup = (name: string): string | undefined => (name === 'A' ? 'a' : undefined)
      const values = [interpolate(text, lookup, trouble), splitShellWords(text)]
      return [...values, parseDuration(text), parseBytes(text), said]
    },
  }),
  {
    name: 'any-file',
    about: 'bytes of any kind as every file of a repository at once',
    samples: [Buffer.from(compose), Buffer.from(fleet), Buffer.from('version https://git-lfs.github.com/spec/v1\n')],
    quick: 300,
    read: (input) =>
      load({
        'slipway.yaml': FLEET,
        [COMPOSE]: 'services: { web: { image: "${I:-a}", env_file: e, configs: [c] } }\nconfigs: { c: { file: c } }\n',
        'stacks/shop/.env': input,
        'stacks/shop/e': input,
        'stacks/shop/c': input,
        'stacks/other/compose.yaml': input,
      }),
  },
]
