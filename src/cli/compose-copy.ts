import { statSync } from 'node:fs'
import { basename, dirname, resolve } from 'node:path'
import { readDesired } from '../controller/index.js'
import type { Source, SourceTree } from '../controller/index.js'
import { FLEET_FILE, createLoader } from '../manifest/index.js'
import { invariant, ok } from '../model/index.js'
import type { Problem } from '../model/index.js'
import { folderSource } from './folder-source.js'
import { CommandError, valueOf } from './invocation.js'
import type { Io } from './io.js'

/** A person's Compose file with every file that it names, and what is to be said of it. */
export interface ComposeCopy {
  readonly name: string
  /** Where it will lie in the repository. */
  readonly directory: string
  /** By path in the repository, sorted. */
  readonly files: readonly { readonly path: string; readonly bytes: Uint8Array }[]
  readonly problems: readonly Problem[]
}

/** Where the schemas lie that editors read. */
export const SCHEMA_FOLDER = '.slipway'

const STANDARD = ['compose.yaml', 'compose.yml', 'docker-compose.yaml', 'docker-compose.yml']
/** The fleet that the file is read for, which is only thought of. */
const FLEET_OID = 'fleet'
const FLEET = 'fleet: new\nservers: { local: { engine: unix:///var/run/docker.sock } }\n'
/** First line of a Compose file in a directory of `stacks/`. */
export const COMPOSE_MODELINE = `# yaml-language-server: $schema=../../${SCHEMA_FOLDER}/compose.schema.json\n`

/**
 * What a Compose file is and needs. The loader itself says which files it reads, as they will lie in the repository, so nothing is missing
 * and nothing else is copied. Ends the command when the file cannot be read.
 */
export async function readComposeCopy(file: string, io: Io): Promise<ComposeCopy> {
  const folder = dirname(resolve(file))
  const directory = `stacks/${nameFor(basename(folder))}`
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) throw unreadable(file)
  const source = folderSource(folder, io.user, io.nowMs(), { secretive: true })
  const { tree, composeOid } = await treeAround(file, directory, source, io)
  const contents = new Map<string, Uint8Array>()
  const read: Source['read'] = async (oids, signal) => {
    const found = await source.read(
      oids.filter((oid) => oid !== FLEET_OID),
      signal,
    )
    if (!found.ok) return found
    for (const [oid, bytes] of found.value) contents.set(oid, oid === composeOid ? withModeline(bytes) : bytes)
    return ok(new Map([...contents, [FLEET_OID, new TextEncoder().encode(FLEET)]]))
  }
  const arranged = { ...source, tree: () => Promise.resolve(ok(tree)), read }
  const desired = await readDesired(arranged, createLoader(), tree.revision, io.interrupted)
  if (!desired.ok) throw new CommandError(desired.problem)
  const [entry] = desired.value.stacks
  invariant(entry !== undefined, 'a folder with a Compose file is a stack')
  const files = [...tree.entries].flatMap(([path, { oid }]) => {
    const bytes = contents.get(oid)
    return bytes === undefined ? [] : [{ path, bytes }]
  })
  const own = entry.kind === 'invalid' ? entry.problems : []
  return { name: entry.name, directory, files, problems: [...own, ...desired.value.warnings] }
}

/** The folder's files with the one that was named as its Compose file, whatever it is called and whatever stands beside it. */
async function treeAround(
  file: string,
  directory: string,
  source: Source,
  { interrupted }: Io,
): Promise<{ readonly tree: SourceTree; readonly composeOid: string }> {
  const { revision, entries } = valueOf(await source.tree('', interrupted))
  const name = basename(file)
  const entry = entries.get(name)
  if (entry?.kind !== 'file') throw unreadable(file)
  const others = [...entries].filter(([path]) => path !== name && !STANDARD.includes(path))
  const files = [...others, [STANDARD.includes(name) ? name : 'compose.yaml', entry] as const]
  const moved = files.map(([path, one]) => [`${directory}/${path}`, one] as const).sort(([a], [b]) => (a < b ? -1 : 1))
  const tree = { revision, entries: new Map([[FLEET_FILE, { kind: 'file', oid: FLEET_OID } as const], ...moved]) }
  return { tree, composeOid: entry.oid }
}

/** The line that tells editors which keys there are, unless they have been told or the file begins with a mark of its own. */
function withModeline(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes)
  const isTold = /^(\ufeff|%|(#.*\r?\n)*# *yaml-language-server:)/.test(text)
  return isTold ? bytes : Buffer.concat([Buffer.from(COMPOSE_MODELINE), bytes])
}

function unreadable(file: string): CommandError {
  const message = `${file} is not a file that can be read; name a Compose file with --from`
  return new CommandError([{ code: 'FILE_MISSING', message }])
}

/** A name for a fleet or a stack out of any text; the folder's name as Compose makes a project's name of it. */
export function nameFor(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
    .slice(0, 63)
  return name === '' ? 'fleet' : name
}
