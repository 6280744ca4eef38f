import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { COMPOSE_KEYS } from '../../manifest/index.js'
import type { Problem } from '../../model/index.js'
import { COMPOSE_MODELINE, SCHEMA_FOLDER, nameFor, readComposeCopy } from '../compose-copy.js'
import type { ComposeCopy } from '../compose-copy.js'
import { editorSchema } from '../editor-schema.js'
import type { EditorSchema } from '../editor-schema.js'
import { EXIT } from '../exit-code.js'
import { CommandError, usage } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { formatWithExcerpt } from '../show/excerpt.js'
import { counted } from '../show/words.js'

/** Ours to write anew, with every version. */
const SCHEMAS = ['slipway', 'compose', 'x-slipway'] as const

interface Made {
  readonly written: readonly string[]
  readonly kept: readonly string[]
}

/** Makes a fleet's repository of a folder, of what a person has where `--from` names it. Nothing that exists is overwritten. */
export async function run(invocation: Invocation): Promise<number> {
  const { args, options, io, format, colors } = invocation
  const folder = resolve(args[0] ?? '.')
  const copy = typeof options.from === 'string' ? await readComposeCopy(options.from, io) : null
  const fleet = fleetName(options.fleet, folder)
  if (copy !== null) refuseTaken(folder, copy.directory)
  const made = write(folder, [
    ['slipway.yaml', fleetText(fleet)],
    ...(copy === null ? firstStack(folder) : copy.files.map(({ path, bytes }) => [path, bytes] as const)),
  ])
  writeSchemas(folder)
  const problems = copy?.problems ?? []
  const errors = problems.filter(({ severity }) => severity !== 'warning')
  if (format === 'json') {
    const warnings = problems.filter(({ severity }) => severity === 'warning')
    io.out(`${JSON.stringify({ folder, fleet, ...made, errors, warnings }, null, 2)}\n`)
  } else {
    for (const path of made.written) io.out(`${colors.green('wrote')} ${path}\n`)
    for (const path of made.kept) io.out(`kept  ${path}, which was there\n`)
    if (copy !== null) tell(copy, errors, invocation)
    else if (made.written.includes('slipway.yaml'))
      io.out(
        `\nnext: name your servers in slipway.yaml, then \`slipway validate\` and \`slipway server check --folder .\`\n`,
      )
  }
  return errors.length === 0 ? EXIT.ok : EXIT.failure
}

function fleetName(given: string | boolean | undefined, folder: string): string {
  if (typeof given !== 'string') return nameFor(basename(folder))
  if (/^[a-z0-9][a-z0-9_-]{0,62}$/.test(given)) return given
  throw usage(`${JSON.stringify(given)} is no name of a fleet: use lower-case letters, digits, - and _`)
}

function refuseTaken(folder: string, directory: string): void {
  if (!existsSync(join(folder, directory))) return
  throw new CommandError([
    {
      code: 'CONFLICT',
      message: `${directory} is there already; remove it first, or rename the Compose file's folder`,
    },
  ])
}

/** A stack to see something run, where there is none yet. */
function firstStack(folder: string): readonly (readonly [path: string, content: string])[] {
  return existsSync(join(folder, 'stacks')) ? [] : [['stacks/hello/compose.yaml', HELLO]]
}

function write(folder: string, files: readonly (readonly [path: string, content: string | Uint8Array])[]): Made {
  const kept = files.map(([path]) => path).filter((path) => existsSync(join(folder, path)))
  const written = files.filter(([path]) => !kept.includes(path))
  for (const [path, content] of written) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content, { flag: 'wx' })
  }
  return { written: written.map(([path]) => path), kept }
}

function writeSchemas(folder: string): void {
  mkdirSync(join(folder, SCHEMA_FOLDER), { recursive: true })
  for (const name of SCHEMAS) {
    const file = `${name}.schema.json`
    const schema = JSON.parse(readFileSync(new URL(`../../../schema/${file}`, import.meta.url), 'utf8')) as EditorSchema
    const shown = name === 'compose' ? editorSchema(schema, COMPOSE_KEYS) : schema
    writeFileSync(join(folder, SCHEMA_FOLDER, file), `${JSON.stringify(shown, null, 2)}\n`)
  }
}

/** What of the copied file works here, what is passed over, and what must be mended. */
function tell(copy: ComposeCopy, errors: readonly Problem[], { io, colors }: Invocation): void {
  const warnings = copy.problems.length - errors.length
  io.out('\n')
  const texts = new Map(io.isTty ? copy.files.map(({ path, bytes }) => [path, new TextDecoder().decode(bytes)]) : [])
  for (const problem of copy.problems) io.out(`${formatWithExcerpt(problem, texts, io.columns).join('\n  ')}\n`)
  if (copy.files.some(({ path }) => basename(path) === '.env'))
    io.out('.env is copied as well: look for passwords in it before you commit\n')
  if (errors.length > 0)
    io.out(`${colors.red('✗')} ${copy.name}: ${counted(errors.length, 'problem')} to mend, then \`slipway validate\`\n`)
  else if (warnings > 0)
    io.out(
      `${colors.green('✓')} ${copy.name}: works here, but for ${counted(warnings, 'key')} that the lines above pass over\n`,
    )
  else io.out(`${colors.green('✓')} ${copy.name}: every key is honoured\n`)
}

function fleetText(fleet: string): string {
  return `# yaml-language-server: $schema=${SCHEMA_FOLDER}/slipway.schema.json
# The fleet: which servers there are, and what one commit may do to them.
fleet: ${fleet}

servers:
  # The Docker Engine of this machine, to begin with. A server that is reached over ssh looks like this:
  #   lon-1:
  #     address: deploy@10.0.0.11
  #     host_key: SHA256:… # \`slipway server check lon-1 --folder .\` shows it
  #     labels: { zone: lon-a }
  local:
    engine: unix:///var/run/docker.sock

stacks: stacks/*

guards:
  prune: 30% # one commit may remove at most this share of what runs
  history: fast-forward # a force-push waits for \`slipway approve\`
`
}

const HELLO = `${COMPOSE_MODELINE}services:
  web:
    image: nginx:1.27-alpine
    ports: ["8080:80"]
    healthcheck:
      test: ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1/"]
      interval: 5s
    deploy:
      replicas: 1
`
