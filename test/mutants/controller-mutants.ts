import type { Mutant } from './mutant.js'

const ACCEPTANCE = 'src/controller/acceptance.ts'
const GATE = 'src/controller/gate.ts'
const PERFORMER = 'src/controller/performer.ts'
const WATCH = 'src/controller/server-watch.ts'
const NAMES = 'src/controller/engine-names.ts'
const LOOP = 'src/controller/stack-loop.ts'
const MEMORY = 'src/controller/memory.ts'

/** What is believed, written down and sent. */
export const CONTROLLER_MUTANTS: readonly Mutant[] = [
  {
    file: 'src/controller/performer.ts',
    find: 'const isOpen = result.ok && !preparedOnly',
    put: 'const isOpen = result.ok && preparedOnly && unknown',
    breaks: 'a replica that was just made, and that nobody has seen, is forgotten with the controller',
  },
  {
    file: 'src/controller/guards.ts',
    find: 'removed.length / running.size > limit)',
    put: 'removed.length / running.size > limit + 1)',
    breaks: 'the prune guard is ignored',
  },
  {
    file: 'src/controller/guards.ts',
    find: 'left.length / used.length > limit)',
    put: 'left.length / used.length > limit + 1)',
    breaks: 'the prune guard does not count servers',
  },
  {
    file: GATE,
    find: 'return found.ok && found.value',
    put: 'return found.ok',
    breaks: 'a rewritten history is followed',
  },
  {
    file: GATE,
    find: 'pruneProblem(accepted.fleet.guards.prune,',
    put: 'pruneProblem(desired.fleet.guards.prune,',
    breaks: 'a commit is judged by the guard that it brings along',
  },
  {
    file: ACCEPTANCE,
    find: 'entry.hash : before.stacks[entry.name]?.desired?.hash',
    put: 'entry.hash : undefined',
    breaks: 'a stack whose file is wrong is removed',
  },
  {
    file: ACCEPTANCE,
    find: 'if (orphans.length / inUse.length > limit &&',
    put: 'if (orphans.length / inUse.length > limit + 1 &&',
    breaks: 'replicas of unknown stacks are removed without a guard',
  },
  {
    file: PERFORMER,
    find: 'this.journal.intend(intents)',
    put: 'this.journal.intend([])',
    breaks: 'an intent is not written down before its call goes out',
  },
  {
    file: PERFORMER,
    find: '      return false\n    }\n    for (const intent of intents)',
    put: '    }\n    for (const intent of intents)',
    breaks: 'actions are sent though the journal refused them',
  },
  {
    file: PERFORMER,
    find: 'const unknown = !result.ok && UNKNOWN_OUTCOMES.has(result.problem.code)',
    put: "const unknown = !result.ok && UNKNOWN_OUTCOMES.has(result.problem.code) && action.kind === 'pull'",
    breaks: 'an outcome that nobody knows is taken for a failure',
  },
  {
    file: PERFORMER,
    find: 'seenFrom: this.events.lastLook(action.server) + 1, open',
    put: 'seenFrom: this.events.lastLook(action.server), open',
    breaks: 'a look that began before an action is taken to show its effect',
  },
  {
    file: PERFORMER,
    find: 'for (const intent of openIntents) this.pending.set(',
    put: 'for (const intent of openIntents.slice(0, 0)) this.pending.set(',
    breaks: 'what a controller that died had sent is forgotten',
  },
  {
    file: PERFORMER,
    find: 'this.nextOpId = 1 + Math.max(0, ...openIntents.map((intent) => intent.opId))',
    put: 'this.nextOpId = 1 + Math.max(0, ...openIntents.slice(0, 0).map((intent) => intent.opId))',
    breaks: 'the number of an open intent is given twice',
  },
  {
    file: WATCH,
    find: 'const UNKNOWN_AFTER_MISSES = 3',
    put: 'const UNKNOWN_AFTER_MISSES = 1',
    breaks: 'one missed look makes a server unknown',
  },
  {
    file: WATCH,
    find: 'Math.max(sinceMs, this.cutOffAtMs, this.awakeAtMs)',
    put: 'Math.max(sinceMs, Math.min(0, this.cutOffAtMs), this.awakeAtMs)',
    breaks: 'servers are lost one after the other when the controller itself was cut off',
  },
  {
    file: WATCH,
    find: 'return this.clock.nowMs() - Math.max(sinceMs,',
    put: 'return Date.now() - Math.max(sinceMs,',
    breaks: 'a jump of the wall clock makes servers lost',
  },
  {
    file: WATCH,
    find: 'mayHold: [...(entry?.lastSeen ?? []), ...this.events.unconfirmed(server)],',
    put: 'mayHold: [...(entry?.lastSeen ?? [])],',
    breaks: 'what was sent to a server that is away now, and not confirmed, is forgotten',
  },
  {
    file: WATCH,
    find: 'lastSeen: inventory?.replicas ?? [],',
    put: 'lastSeen: (inventory?.replicas ?? []).slice(0, 0),',
    breaks: 'a controller that starts while a server is away takes it for empty',
  },
  {
    file: NAMES,
    find: 'return rival < rank || (rival === rank && moves',
    put: 'return rival < rank || (rival === rank && !moves',
    breaks: 'one engine under two names counts as two servers',
  },
  {
    file: NAMES,
    find: '(moves ? other.answered : other.known) !== answered',
    put: 'other.answered !== answered',
    breaks: 'a name that leads to the engine of a server that is away gets it',
  },
  {
    file: NAMES,
    find: 'const moves = other.answered !== null && !refused.has(other.name)',
    put: 'const moves = other.answered !== null && refused.size < Infinity',
    breaks: 'an engine counts as free though the name that has it could not leave it',
  },
  {
    file: NAMES,
    find: 'if (isRetired) return known === engineId ? 2 : 4',
    put: 'if (isRetired) return known === engineId ? 0 : 4',
    breaks: 'a server that gets a new name is emptied under its old one first',
  },
  {
    file: 'src/controller/touched.ts',
    find: "return before?.kind !== 'listed' || before.listing.facts.engineId !== view.listing.facts.engineId",
    put: "return before?.kind !== 'listed'",
    breaks: 'replicas are made on a server that was installed anew before their images are there',
  },
  {
    file: WATCH,
    find: 'engineId: this.rememberedEngine(isRetired, inventory),',
    put: 'engineId: isRetired ? this.rememberedEngine(isRetired, inventory) : null,',
    breaks: 'a controller that starts gives a server the engine that its name leads to, whoever had it',
  },
  {
    file: WATCH,
    find: 'return twins.length > 0 ? null : engineId',
    put: 'return engineId',
    breaks: 'of two names with one engine in the journal one keeps it, though it leads elsewhere',
  },
  {
    file: WATCH,
    find: '    for (const name of freed) {\n      this.accept(name)',
    put: '    for (const name of freed) {\n      this.watched.get(name)',
    breaks: 'while two names are exchanged, what runs on one of the engines is forgotten for a moment',
  },
  {
    file: WATCH,
    find: 'if (entry.isRetired && entry.engineId === heir.engineId) this.events.renamed(name)',
    put: 'if (entry.isRetired && entry.engineId !== heir.engineId) this.events.renamed(name)',
    breaks: 'a server that got a new name is watched by its old one for ever',
  },
  {
    file: 'src/controller/rivals.ts',
    find: "controller !== '' && controller !== own.controllerId,",
    put: "controller === '' && own.controllerId !== '',",
    breaks: 'a second controller is not noticed',
  },
  {
    file: LOOP,
    find: 'byPerson || rival !== null ||',
    put: 'byPerson || (rival !== null && rival.atMs < 0) ||',
    breaks: 'two controllers work against each other: fencing is ignored',
  },
  {
    file: LOOP,
    find: "const byPerson = suspended['*'] !== undefined ||",
    put: "const byPerson = suspended[''] !== undefined ||",
    breaks: 'a fleet that is suspended is worked on',
  },
  {
    file: LOOP,
    find: 'usage = this.claimed(usage, [name])',
    put: 'usage = this.claimed(usage, [])',
    breaks: 'two stacks are given the same port at once',
  },
  {
    file: 'src/controller/decide.ts',
    find: 'if (held) return untouched',
    put: "if (held && name === '') return untouched",
    breaks: 'a rollout begins of a stack that a person holds',
  },
  {
    file: MEMORY,
    find: 'if (!written) return false',
    put: 'if (!written && facts.length > 1_000) return false',
    breaks: 'a fact counts though the disk did not take it',
  },
  {
    file: MEMORY,
    find: '...(snapshot as Partial<State> | null) }',
    put: '...(snapshot as Partial<State> | null), stacks: {} }',
    breaks: 'a controller that starts again has forgotten what was rejected',
  },
  {
    file: 'src/controller/controller.ts',
    find: '.filter(([, stack]) => stack.rollout !== null)\n    this.memory.record(moving',
    put: '.filter(([, stack]) => stack.rollout === null)\n    this.memory.record(moving',
    breaks: 'the time for which a stack was suspended counts towards deadlines',
  },
  {
    file: 'src/controller/follower.ts',
    find: "code.startsWith('GIT_') ||",
    put: "code.startsWith('HTTP_') ||",
    breaks: 'a commit that could not be read just now is refused for good',
  },
  {
    file: WATCH,
    find: 'Math.max(sinceMs, this.cutOffAtMs, this.awakeAtMs)',
    put: 'Math.max(sinceMs, this.cutOffAtMs)',
    breaks: 'a server that missed one look is lost because the controller stood still',
  },
]
