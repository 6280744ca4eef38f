import { readDesired } from '../controller/index.js'
import type { Commit, Workshop } from '../controller/index.js'
import { FLEET_FILE, createLoader } from '../manifest/index.js'
import { canonicalJson } from '../model/index.js'
import type { Revision, ServiceSpec } from '../model/index.js'
import { valueOf } from './invocation.js'

/** A setting of a service, and the commit that gave it the value that it has. */
export interface BlamedSetting {
  /** In Compose's words: `image`, `environment.LOG_LEVEL`, `secrets.db`. */
  readonly setting: string
  readonly revision: Revision
}

/** Commits whose files are read; older ones are summed up as the oldest that was. */
const READ_MAX = 500

/**
 * For each setting of a service at a commit, where it comes from: from newest to oldest, a setting goes to the parent that has the same value, and
 * stays with a commit none of whose parents has it. Commits that do not touch the followed folder are not read.
 */
export async function blameService(
  workshop: Workshop,
  from: string,
  service: { readonly stack: string; readonly service: string },
  signal: AbortSignal,
): Promise<readonly BlamedSetting[]> {
  const read = settingsReader(workshop, service, signal)
  const commit = async (sha: string): Promise<Commit> => valueOf(await workshop.commit(sha, signal))
  const first = await commit(from)
  const open = new Map<string, OpenCommit>([[from, { commit: first, settings: new Set((await read(first)).keys()) }]])
  const found = new Map<string, Revision>()
  for (let next = newest(open); next !== undefined; next = newest(open)) {
    open.delete(next.commit.revision.sha)
    const parents = await Promise.all(next.commit.parents.map(commit))
    for (const setting of await handDown(next, parents, open, read)) found.set(setting, next.commit.revision)
  }
  const [begun, now] = [found.get(SERVICE), await read(first)]
  const unsaid = settingsUnsaid(service, now.get('image'))
  const isSaid = ([setting, { sha }]: readonly [string, Revision]): boolean =>
    setting !== SERVICE && (sha !== begun?.sha || now.get(setting) !== unsaid.get(setting))
  return [...found]
    .filter(isSaid)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([setting, revision]) => ({ setting, revision }))
}

interface OpenCommit {
  readonly commit: Commit
  readonly settings: Set<string>
}

type Settings = ReadonlyMap<string, string>
type Read = (commit: Commit) => Promise<Settings>

function newest(open: ReadonlyMap<string, OpenCommit>): OpenCommit | undefined {
  const all = [...open.values()]
  return all.sort((a, b) => b.commit.revision.committedAtMs - a.commit.revision.committedAtMs)[0]
}

/** Gives settings to the parents that have them already; what is left was made here. */
async function handDown(
  { commit, settings }: OpenCommit,
  parents: readonly Commit[],
  open: Map<string, OpenCommit>,
  read: Read,
): Promise<ReadonlySet<string>> {
  const left = new Set(settings)
  const same = parents.find((parent) => parent.folder === commit.folder)
  const own = same === undefined && parents.length > 0 ? await read(commit) : null
  for (const parent of same === undefined ? parents : [same]) {
    const theirs = own === null ? null : await read(parent)
    for (const setting of left) {
      if (own !== null && theirs?.get(setting) !== own.get(setting)) continue
      const { sha } = parent.revision
      if (!open.has(sha)) open.set(sha, { commit: parent, settings: new Set() })
      open.get(sha)?.settings.add(setting)
      left.delete(setting)
    }
  }
  return left
}

/** Settings of the service at commits, read once each. A commit where the service is not there, or wrong, has none. */
function settingsReader(
  workshop: Workshop,
  { stack, service }: { readonly stack: string; readonly service: string },
  signal: AbortSignal,
): Read {
  const loader = createLoader()
  const known = new Map<string, Settings>()
  return async ({ revision, folder }) => {
    const before = known.get(folder ?? '')
    if (before !== undefined) return before
    if (known.size >= READ_MAX) return new Map()
    const desired = await readDesired(workshop.at(revision), loader, revision, signal)
    const stacks = desired.ok ? desired.value.stacks : []
    const specs = stacks.flatMap((entry) =>
      entry.kind === 'valid' && entry.name === stack ? entry.stack.services : [],
    )
    const spec = specs.find(({ name }) => name === service)
    const settings = spec === undefined ? new Map<string, string>() : settingsOf(spec)
    known.set(folder ?? '', settings)
    return settings
  }
}

/** Compose's words where they are not the field's own name. */
const WORDS: Readonly<Partial<Record<keyof ServiceSpec, string>>> = {
  mounts: 'volumes',
  stopGraceMs: 'stop_grace_period',
  mode: 'deploy.mode',
  replicas: 'deploy.replicas',
  limits: 'deploy.resources.limits',
  reservations: 'deploy.resources.reservations',
  placement: 'deploy.placement',
  update: 'deploy.update_config',
  rollback: 'deploy.rollback_config',
  rollout: 'x-slipway.rollout',
  probe: 'x-slipway.probe',
  restartAt: 'x-slipway.restart_at',
}

/** That the service is there at all. */
const SERVICE = ''
const NOTHING: ReadonlySet<string> = new Set([null, false, '', [], {}].map(canonicalJson))
/** Maps whose entries have their own history. */
const SPLIT: ReadonlySet<string> = new Set(['environment', 'labels', 'sysctls'])

/** What a manifest says or leaves at a default, by setting. Values serve to be compared and are never shown. */
function settingsOf({ stack: _stack, name: _name, files, ...fields }: ServiceSpec): Settings {
  const settings = new Map([[SERVICE, '']])
  const put = (setting: string, value: unknown): void => {
    const text = canonicalJson(value)
    if (!NOTHING.has(text)) settings.set(setting, text)
  }
  for (const [field, value] of Object.entries(fields)) {
    const word = WORDS[field as keyof ServiceSpec] ?? field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    if (!SPLIT.has(field)) put(word, value)
    else
      for (const [key, entry] of Object.entries(value as object)) settings.set(`${word}.${key}`, canonicalJson(entry))
  }
  for (const file of files) settings.set(`${file.kind}s.${file.name}`, canonicalJson(file))
  return settings
}

/** What a service has that says nothing but its image, of which a default is made. */
function settingsUnsaid(
  { stack, service }: { readonly stack: string; readonly service: string },
  image = '"none"',
): Settings {
  const files = new Map<string, object>([
    [FLEET_FILE, { fleet: 'none', servers: { none: { engine: 'unix:///none' } } }],
    [`stacks/${stack}/compose.yaml`, { services: { [service]: { image: JSON.parse(image) as unknown } } }],
  ])
  const entries = new Map([...files.keys()].map((path) => [path, { kind: 'file' as const, oid: path }]))
  const revision: Revision = { ref: '', sha: '', author: '', committedAtMs: 0, subject: '' }
  const loaded = createLoader().load({ revision, entries }, (oid) => Buffer.from(JSON.stringify(files.get(oid) ?? {})))
  const [entry] = loaded.kind === 'loaded' ? loaded.desired.stacks : []
  const spec = entry?.kind === 'valid' ? entry.stack.services[0] : undefined
  const settings = spec === undefined ? [] : [...settingsOf(spec)]
  return new Map(settings.filter(([setting]) => setting !== 'image'))
}
