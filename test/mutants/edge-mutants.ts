import type { Mutant } from './mutant.js'

const CLIENT = 'src/driver/engine-client.ts'
const OBJECTS = 'src/driver/ensure-objects.ts'
const JOURNAL = 'src/store/journal.ts'

/** What keeps engines, Git and the disk from doing harm. */
export const EDGE_MUTANTS: readonly Mutant[] = [
  {
    file: 'src/driver/container.ts',
    find: 'if (name !== containerName({ fleet, slot, specHash, restart })) return null',
    put: "if (name !== containerName({ fleet, slot, specHash, restart }) && name === '') return null",
    breaks: 'what was made from a committed image counts as ours: the name is not checked',
  },
  {
    file: 'src/driver/container.ts',
    find: 'if (label(LABELS.fleet) !== fleet) return null',
    put: "if (label(LABELS.fleet) !== fleet && fleet === '') return null",
    breaks: 'containers of another fleet count as ours',
  },
  {
    file: 'src/driver/container-list.ts',
    find: '    if (!container.ok) return container\n    seen.push(container.value)\n    if (before',
    put: '    if (!container.ok) continue\n    seen.push(container.value)\n    if (before',
    breaks: 'a container that makes no sense is left out of the list',
  },
  {
    file: 'src/driver/perform.ts',
    find: "{ method: 'DELETE', path, lane: 'change' }, signal)",
    put: "{ method: 'DELETE', path, query: { force: '1' }, lane: 'change' }, signal)",
    breaks: 'a container that runs is removed by force',
  },
  {
    file: 'src/driver/perform.ts',
    find: 'sightings.engineId !== null && sightings.engineId !== engine.facts.engineId) {',
    put: "sightings.engineId !== null && engine.facts.engineId === '') {",
    breaks: 'an engine that was exchanged since the last look is acted on',
  },
  {
    file: 'src/driver/run-container.ts',
    find: "query: { force: '1' }, lane",
    put: "query: { force: '1', v: '1' }, lane",
    breaks: 'volumes are removed with the container',
  },
  {
    file: 'src/driver/run-container.ts',
    find: 'const pinned = pinnedReference(spec.image, image.digest)',
    put: 'const pinned = pinnedReference(spec.image, image.digest === null ? null : null)',
    breaks: 'a container is made from the tag, not from the digest that was pinned',
  },
  {
    file: CLIENT,
    find: "response.on('error', (error) => resolve({ kind: 'cut', error }))",
    put: "response.on('error', () => resolve({ kind: 'whole', chunks }))",
    breaks: 'an answer that was cut off is taken for a shorter one',
  },
  {
    file: CLIENT,
    find: "return isWorthAgain && request.method === 'GET' ? exchange(",
    put: 'return isWorthAgain ? exchange(',
    breaks: 'a change whose outcome is unknown is sent again',
  },
  {
    file: 'src/ssh/host-key.ts',
    find: 'return pinned.fingerprints.includes(seen) ? ok(null)',
    put: "return pinned.fingerprints.includes(seen) || seen !== '' ? ok(null)",
    breaks: 'any host key is trusted',
  },
  {
    file: 'src/ssh/host-key.ts',
    find: "line.marker === '@revoked' && line.key === encoded",
    put: "line.marker === '@revoked' && line.key === seen",
    breaks: 'a revoked host key is trusted',
  },
  {
    file: OBJECTS,
    find: 'if (isOfProject(found, stack)) return ok({})',
    put: "if (fleet === '' || isOfProject(found, stack)) return ok({})",
    breaks: 'a volume of anybody is taken over',
  },
  {
    file: OBJECTS,
    find: "if (textAt(found.value, 'Labels', LABELS.fleet) !== fleet) {",
    put: "if (textAt(found.value, 'Labels', LABELS.fleet) === fleet && fleet === '') {",
    breaks: 'a network that is not ours is removed',
  },
  {
    file: JOURNAL,
    find: 'if (this.#inventories.get(inventory.server) === hash) return',
    put: "if (this.#inventories.get(inventory.server) !== undefined && hash !== '') return",
    breaks: 'what a server holds is written down once and never again',
  },
  {
    file: JOURNAL,
    find: 'putSnapshot.run(this.#statements.newestSeq.get() ?? 0, json)',
    put: 'putSnapshot.run((this.#statements.newestSeq.get() ?? 0) * 0, json)',
    breaks: 'facts are folded a second time after a snapshot',
  },
  {
    file: JOURNAL,
    find: 'invariant(changes === 1, `operation',
    put: 'invariant(changes <= 1, `operation',
    breaks: 'two open intents of one number are one',
  },
  {
    file: 'src/store/controller-lock.ts',
    find: "db.exec('BEGIN EXCLUSIVE')",
    put: "db.exec('BEGIN')",
    breaks: 'two controllers share a data directory',
  },
  {
    file: 'src/source/walk.ts',
    find: "if (kind !== 'submodule' && !store.has(oid))",
    put: "if (kind === 'submodule' && !store.has(oid))",
    breaks: 'a revision is accepted though one of its files is missing',
  },
  {
    file: 'src/source/pack-index.ts',
    find: 'if (!hash.digest().equals(pack.subarray(end))) throw',
    put: 'if (!hash.digest().equals(pack.subarray(end)) && end < 0) throw',
    breaks: 'a pack with a wrong checksum is taken in',
  },
  {
    file: 'src/driver/shipped-folders.ts',
    find: 'if (owned !== null) return fail(owned)',
    put: "if (owned !== null && name === '') return fail(owned)",
    breaks: "shipped folders are written into a person's volume of that name",
  },
  {
    file: 'src/driver/run-container.ts',
    find: '    lost ??\n',
    put: "    (containerId === '' ? lost : null) ??\n",
    breaks: 'a replica starts on shipped folders that were swept before it had them',
  },
  {
    file: 'src/driver/sweep-copies.ts',
    find: "textAt(volume, 'Labels', SETTINGS_LABEL) === '' &&",
    put: "textAt(volume, 'Labels', SETTINGS_LABEL) !== null &&",
    breaks: 'a declared volume is swept like one of shipped folders',
  },
  {
    file: 'src/driver/sweep-copies.ts',
    find: "textAt(helper, 'State', 'Status') === 'created'",
    put: "textAt(helper, 'State', 'Status') !== ''",
    breaks: 'a container that somebody started is swept like a helper of shipped folders',
  },
  {
    file: 'src/driver/sweep-copies.ts',
    find: '&& !sightings.shipping.has(name)',
    put: "&& (name !== '' || !sightings.shipping.has(name))",
    breaks: 'a removal takes the helper of shipped folders away from a replica that is being made',
  },
  {
    file: 'src/driver/run-container.ts',
    find: 'if (refused !== undefined) return fail(',
    put: 'if (refused !== undefined && signal.aborted) return fail(',
    breaks: 'a container is made that the guards of the fleet forbid',
  },
  {
    file: 'src/driver/run-container.ts',
    find: 'return done.ok ? null : done.problem',
    put: 'return done.ok || hooks.length > 0 ? null : done.problem',
    breaks: 'a replica whose post_start failed counts as made',
  },
  {
    file: 'src/driver/hooks.ts',
    find: 'if (!done.ok) return done\n',
    put: 'if (!done.ok && index > 1_000) return done\n',
    breaks: 'hooks go on after one that failed',
  },
  {
    file: 'src/driver/perform.ts',
    find: 'if (preStop === undefined) return\n',
    put: 'if (preStop === undefined || preStop.length > 0) return\n',
    breaks: 'a replica is stopped without its pre_stop',
  },
  {
    file: 'src/driver/perform.ts',
    find: 'if (done.ok) return started\n',
    put: 'if (done.ok || postStart.length > 0) return started\n',
    breaks: 'a container that is started again and whose post_start failed goes on',
  },
  {
    file: 'src/driver/shipped-folders.ts',
    find: 'if (kept !== null) return fail({ ...kept, ...about(engine, action) })',
    put: "if (kept !== null && name === '') return fail({ ...kept, ...about(engine, action) })",
    breaks: 'a replica starts on what is left of shipped folders of before',
  },
]
