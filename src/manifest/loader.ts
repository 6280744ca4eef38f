import { canonicalJson, compareText } from '../model/index.js'
import type { Desired, Fleet, Problem, StackEntry } from '../model/index.js'
import { parseYaml } from './document.js'
import { createFiles } from './files.js'
import type { FileReader, Files, ManifestTree, ReadContent } from './files.js'
import { NO_OVERLAY, STACKS_DEFAULT, readFleet, readStackPatterns } from './fleet.js'
import type { StackPattern } from './fleet.js'
import { quoted } from './node.js'
import type { ParsedFiles } from './compose-source.js'
import { proxyEntries } from './proxy-stack.js'
import { unnamedServices } from './unnamed.js'
import { createReport, sortProblems } from './report.js'
import { shapeChecks } from './shape.js'
import { stampOf } from './stack-choice.js'
import { findStacks } from './stack-directories.js'
import { loadStack } from './stack-file.js'
import type { LoadedStack } from './stack-file.js'
import { MOST_MANIFEST_BYTES, decodeText } from './text.js'
import { unguardedShares } from './route-twins.js'
import { refuseClaimedTwice } from './twins.js'

/** What became of a revision: contents to read first, everything it wants, or why none of it can be used. */
export type Loaded =
  | { readonly kind: 'needs'; readonly oids: readonly string[]; readonly paths: readonly string[] }
  | { readonly kind: 'loaded'; readonly desired: Desired }
  | { readonly kind: 'refused'; readonly problems: readonly Problem[] }

export interface Loader {
  /**
   * Files to Desired. Asks for the contents it misses (`needs`) and is called again with them: as many rounds as files name one another in a row, MOST_ROUNDS at most. Never throws for what
   * the files hold. A wrong slipway.yaml refuses the revision; a wrong Compose file makes its own stack invalid. Every problem of every
   * file is told at once. What did not change since the last call is not parsed again.
   */
  load(tree: ManifestTree, read: ReadContent): Loaded
}

/** Fleet file, Compose files, the files they name, and what those include and extend in turn, which is bounded. */
export const MOST_ROUNDS = 32

export const FLEET_FILE = 'slipway.yaml'

/** In all stacks together: three times the largest fleet that this is measured with. */
const MOST_REPLICAS = 30_000

interface FleetPart {
  readonly fleet: Fleet
  readonly patterns: readonly StackPattern[]
  readonly errors: readonly Problem[]
  readonly warnings: readonly Problem[]
}

interface Memo<T> {
  /** Every path that was looked at, with what stood there. */
  readonly uses: ReadonlyMap<string, string>
  readonly value: T
}

/** Makes a loader with an empty memory. The memory holds the last result of each stack of the last revision. */
export function createLoader(): Loader {
  const checks = shapeChecks()
  const parsed: ParsedFiles = new WeakMap()
  let fleetMemo = new Map<string, Memo<FleetPart>>()
  let stackMemos = new Map<string, Memo<LoadedStack>>()
  let around = ''
  return {
    load(tree, read) {
      const needs = new Map<string, string>()
      const files = createFiles(tree, read, needs)
      const fleetMemos = new Map(fleetMemo)
      const part = recall(fleetMemos, FLEET_FILE, files, (reader) => loadFleet(reader, checks.fleet))
      fleetMemo = fleetMemos
      if (part === null) return asked(needs)
      const report = createReport(FLEET_FILE)
      const choices = new Map(findStacks(part.patterns, files, report).map((choice) => [stampOf(choice), choice]))
      const { guards } = part.fleet
      const isBalanced = part.fleet.ingress !== undefined
      // What the fleet says of all stacks is in no file that a stack was made from.
      const isNamed = part.fleet.ingress?.names !== undefined
      const said = canonicalJson({ guards, isBalanced, isNamed })
      if (around !== said) stackMemos = new Map()
      around = said
      const settings = { check: checks.compose, fleet: part.fleet.name || 'stack', guards, isBalanced, isNamed, parsed }
      const memos = new Map([...stackMemos].filter(([stamp]) => choices.has(stamp)))
      const stacks = [...choices].map(([stamp, choice]) =>
        recall(memos, stamp, files, (reader) => loadStack(choice, reader, settings)),
      )
      stackMemos = memos
      if (needs.size > 0) return asked(needs)
      return conclude(
        tree,
        part,
        stacks.filter((stack) => stack !== null),
        report.errors(),
        report.warnings(),
      )
    },
  }
}

/** The kept value if everything it was made from is the same, else a new one; null while contents are missing. */
function recall<T>(
  memos: Map<string, Memo<T>>,
  key: string,
  files: Files,
  make: (reader: ReturnType<Files['reader']>) => T | null,
): T | null {
  const memo = memos.get(key)
  if (memo !== undefined && [...memo.uses].every(([path, stamp]) => files.stamp(path) === stamp)) return memo.value
  const reader = files.reader()
  const value = make(reader)
  if (value === null || reader.isPending()) return null
  memos.set(key, { uses: reader.uses, value })
  return value
}

function asked(needs: ReadonlyMap<string, string>): Loaded {
  const sorted = [...needs].sort(([, a], [, b]) => compareText(a, b))
  return { kind: 'needs', oids: sorted.map(([oid]) => oid), paths: sorted.map(([, path]) => path) }
}

function loadFleet(reader: FileReader, check: ReturnType<typeof shapeChecks>['fleet']): FleetPart | null {
  const report = createReport(FLEET_FILE)
  const broken = (): FleetPart => ({
    fleet: { name: '', servers: [], guards: { prune: 0, history: 'fast-forward' } },
    patterns: [{ pattern: STACKS_DEFAULT, node: null, settings: NO_OVERLAY }],
    errors: report.errors(),
    warnings: [],
  })
  const found = reader.find(FLEET_FILE)
  if (found.kind === 'pending') return null
  if (found.kind !== 'file') {
    const other = reader.exists('slipway.yml')
      ? '; slipway.yml is there: rename it'
      : '; write `fleet:` and `servers:` into it'
    if (found.kind === 'absent') report.error('FLEET_MISSING', null, `the repository has no ${FLEET_FILE}${other}`)
    else report.error('FILE_UNSUPPORTED', null, `it is ${found.what}; put a regular file there`)
    return broken()
  }
  const text = decodeText(found.bytes, MOST_MANIFEST_BYTES, report)
  const root = text === null ? null : parseYaml(text, FLEET_FILE, report)
  if (root === null) return broken()
  const shaped = check(root, report)
  const fleet = readFleet(shaped, reader, report)
  return { fleet, patterns: readStackPatterns(shaped), errors: report.errors(), warnings: report.warnings() }
}

function conclude(
  tree: ManifestTree,
  part: FleetPart,
  stacks: readonly LoadedStack[],
  errors: readonly Problem[],
  warnings: readonly Problem[],
): Loaded {
  const own = [...stacks.map(({ entry }) => entry), ...proxyEntries(part.fleet, FLEET_FILE)]
  const claims = new Map(stacks.map((stack) => [stack.entry.name, stack.claims]))
  const entries = refuseClaimedTwice(mergeTwins(own), part.fleet, claims)
  const fatal = [...part.errors, ...errors, ...tooMany(entries, part.fleet)]
  if (fatal.length > 0) {
    const others = entries.flatMap((entry) => (entry.kind === 'invalid' ? entry.problems : []))
    return { kind: 'refused', problems: [...sortProblems(fatal), ...sortProblems(others)] }
  }
  const said = [...part.warnings, ...warnings, ...stacks.flatMap((stack) => stack.warnings)]
  const allWarnings = sortProblems([
    ...said,
    ...unnamedServices(entries, part.fleet),
    ...unguardedShares(entries, claims),
  ])
  return {
    kind: 'loaded',
    desired: { revision: tree.revision, fleet: part.fleet, stacks: entries, warnings: allWarnings },
  }
}

/** Nobody can plan millions, and whoever proposes a change could ask for them. */
function tooMany(entries: readonly StackEntry[], { servers }: Fleet): readonly Problem[] {
  const services = entries.flatMap((entry) => (entry.kind === 'valid' ? entry.stack.services : []))
  const counts = services.map(({ mode, replicas }) => (mode === 'global' ? servers.length : Math.max(1, replicas)))
  const all = counts.reduce((sum, count) => sum + count, 0)
  if (all <= MOST_REPLICAS) return []
  const message = `the stacks want ${all} replicas in all; expected ${MOST_REPLICAS} at most`
  return [{ code: 'VALUE_OUT_OF_RANGE', message, place: { path: FLEET_FILE } }]
}

/** One entry a name. Two stacks of one name are both refused: nobody can say which of them is meant. */
function mergeTwins(entries: readonly StackEntry[]): readonly StackEntry[] {
  const byName = new Map<string, StackEntry[]>()
  for (const entry of entries) byName.set(entry.name, [...(byName.get(entry.name) ?? []), entry])
  return [...byName.values()]
    .map((twins) => (twins.length === 1 ? twins : [refuseTwins(twins)]))
    .flat()
    .sort((a, b) => compareText(a.name, b.name))
}

function refuseTwins(twins: readonly StackEntry[]): StackEntry {
  const pathOf = (entry: StackEntry): string => (entry.kind === 'valid' ? entry.stack.path : entry.path)
  const name = twins[0]?.name ?? ''
  const problems = twins.flatMap((twin): readonly Problem[] => {
    const others = twins.filter((other) => other !== twin).map((other) => quoted(pathOf(other)))
    const message = `${others.join(' and ')} makes a stack named ${quoted(name)} as well; give one of them another \`name:\``
    const own = twin.kind === 'invalid' ? twin.problems : []
    return [{ code: 'STACK_DUPLICATE', message, place: { path: pathOf(twin) }, stack: name }, ...own]
  })
  return { kind: 'invalid', name, path: twins[0] === undefined ? '' : pathOf(twins[0]), problems }
}
