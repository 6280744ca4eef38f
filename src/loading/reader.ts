// What runs in the process: the manifest room's loader, fed by messages.
import { createLoader } from '../manifest/index.js'
import type { Loaded, ManifestTree } from '../manifest/index.js'
import type { StackEntry } from '../model/index.js'
import { packStacks, unpackTree } from './messages.js'
import type { Answer, PackedEntry, Round } from './messages.js'

// The YAML library looks into the environment at every token. Asking the system each time is a fifth of what parsing costs.
// eslint-disable-next-line no-restricted-properties -- it is emptied, not read
process.env = {}

const loader = createLoader()
const contents = new Map<string, Uint8Array>()
let tree: ManifestTree | null = null
let known: ReadonlyMap<StackEntry, number> = new Map()
let lastNumber = 0

process.on('message', (round: Round) => {
  if (round.tree !== null) {
    tree = unpackTree(round.tree)
    contents.clear()
  }
  for (const [oid, bytes] of round.contents) contents.set(oid, bytes)
  if (tree === null) throw new Error('a round came before its revision')
  process.send?.(pack(loader.load(tree, (oid) => contents.get(oid))))
})

process.on('disconnect', () => process.exit())
// Signals go to a whole group of processes; this one ends with the controller, which may still need it.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined)

function pack(loaded: Loaded): Answer {
  if (loaded.kind === 'needs') return loaded
  contents.clear()
  if (loaded.kind === 'refused') return loaded
  const next = new Map<StackEntry, number>()
  const stacks = loaded.desired.stacks.map((entry): PackedEntry => {
    const before = known.get(entry)
    const number = before ?? ++lastNumber
    next.set(entry, number)
    return before === undefined ? { number, entry } : { number }
  })
  known = next
  return { kind: 'loaded', desired: { ...loaded.desired, stacks: packStacks(stacks) } }
}
