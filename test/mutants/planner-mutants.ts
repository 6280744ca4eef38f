import type { Mutant } from './mutant.js'

const SLOT = 'src/planner/decide-slot.ts'
const AWAY = 'src/planner/away.ts'
const MISFIT = 'src/planner/misfit.ts'

/** What must change, and where it goes. */
export const PLANNER_MUTANTS: readonly Mutant[] = [
  {
    file: 'src/planner/reroutes.ts',
    find: '...routed, ...nameCauses(former, spec)]',
    put: '...routed, ...nameCauses(spec, spec)]',
    breaks: 'a plan does not tell that all stacks get a service by its name',
  },
  {
    file: 'src/planner/usage.ts',
    find: 'const counted = bySlot.get(slot) ?? null',
    put: 'const counted = bySlot.get(`${slot} again`) ?? null',
    breaks: 'a slot in which one replica takes the place of another is promised its memory twice',
  },
  {
    file: 'src/planner/misfit.ts',
    find: 'return more.memoryBytes > 0 && usage',
    put: 'return spec.reservations.memoryBytes > 0 && usage',
    breaks: 'a server on which more is promised than it has can never be updated',
  },
  {
    file: 'src/planner/ledger.ts',
    find: 'if (stays !== true) servers.set',
    put: 'if (stays !== null) servers.set',
    breaks: 'one of two replicas of a slot gives back what the other one needs',
  },
  {
    file: 'src/planner/usage.ts',
    find: 'microCpus: server.microCpus + more.microCpus,\n    memoryBytes: server.memoryBytes + more.memoryBytes,',
    put: 'microCpus: server.microCpus + more.microCpus,',
    breaks: 'two successors that ask for more are promised the same memory',
  },
  {
    file: SLOT,
    find: 'replica.specHash === context.hash &&\n    replica.restart',
    put: "replica.specHash !== '' &&\n    replica.restart",
    breaks: 'a changed spec is not rolled out',
  },
  {
    file: SLOT,
    find: 'replica.restart >= context.restart &&',
    put: "replica.restart >= '' &&",
    breaks: 'a restart that was asked for does not happen',
  },
  {
    file: 'src/model/ailment.ts',
    find: "return health === 'unhealthy' ? 'unhealthy' : null",
    put: "return health === 'unhealthy' && exitCode === 1 ? 'unhealthy' : null",
    breaks: 'an unhealthy replica is left as it is',
  },
  {
    file: SLOT,
    find: 'context.survey.neverListed.length > 0 && gone.length === 0',
    put: 'context.survey.neverListed.length > 1_000 && gone.length === 0',
    breaks: 'a server that was never looked at is taken for empty: its replicas are made twice',
  },
  {
    file: AWAY,
    find: 'for (const { view } of sorted(held)) {',
    put: 'for (const { view } of sorted(held.slice(0, 0))) {',
    breaks: 'unreachable is treated as empty',
  },
  {
    file: AWAY,
    find: "else if (view.phase !== 'lost') return",
    put: "else if (view.phase === 'missed') return",
    breaks: 'replicas are moved before their server was away for lost_after',
  },
  {
    file: AWAY,
    find: 'else if (survey.isCutOff) return',
    put: "else if (survey.isCutOff && view.phase !== 'lost') return",
    breaks: 'everything is moved when it is the controller that is cut off',
  },
  {
    file: AWAY,
    find: 'else if (context.volumes.length > 0) return',
    put: 'else if (context.volumes.length > 1) return',
    breaks: 'a replica is moved away from its volume',
  },
  {
    file: 'src/planner/survey.ts',
    find: 'const isCutOff = unreachable.size * 2 > byName.length',
    put: 'const isCutOff = unreachable.size > byName.length',
    breaks: 'more than half of the servers away does not mean that the controller is cut off',
  },
  {
    file: 'src/planner/constraints.ts',
    find: "if (isEqual(constraint, server, facts) !== (constraint.op === '==')) return constraint",
    put: 'if (!isEqual(constraint, server, facts)) return constraint',
    breaks: 'a constraint with != holds where it must not',
  },
  {
    file: MISFIT,
    find: "if (input.drained.has(server.name)) return { server: server.name, kind: 'drained' }",
    put: "if (input.drained.has('')) return { server: server.name, kind: 'drained' }",
    breaks: 'a drained server takes new replicas',
  },
  {
    file: MISFIT,
    find: '+ more.memoryBytes > facts.memoryBytes',
    put: '+ more.memoryBytes > facts.memoryBytes * 2',
    breaks: 'more memory is promised than a server has',
  },
  {
    file: MISFIT,
    find: 'othersAt(pending, ledger, server) >= maxPerServer',
    put: 'othersAt(pending, ledger, server) > maxPerServer',
    breaks: 'max_replicas_per_node is off by one',
  },
  {
    file: MISFIT,
    find: 'if (usage.foreignNames.has(containerName)) return',
    put: "if (usage.foreignNames.has(containerName) && containerName === '') return",
    breaks: 'a server is chosen where the name is held by somebody else',
  },
  {
    file: MISFIT,
    find: 'const isHandover = leaver !== undefined && pending.from === null &&',
    put: 'const isHandover = leaver !== undefined &&',
    breaks: 'a slot that replaces another replica takes over ports of a third',
  },
  {
    file: 'src/model/host-port.ts',
    find: '(isAny(a) || isAny(b) || a.hostIp === b.hostIp)',
    put: '((isAny(a) && isAny(b)) || a.hostIp === b.hostIp)',
    breaks: 'a port on one address does not clash with the same port on all',
  },
  {
    file: 'src/planner/placement.ts',
    find: 'pending.stay === server.name ? 0 : 1,',
    put: 'pending.stay === server.name ? 1 : 0,',
    breaks: 'a replica is moved to another server with each update',
  },
  {
    file: 'src/planner/misfit.ts',
    find: 'if (name !== undefined) return misfit(',
    put: "if (name !== undefined && name === '') return misfit(",
    breaks: 'a second one is made beside what docker compose runs',
  },
  {
    file: 'src/planner/volume-homes.ts',
    find: 'project === input.stack.name',
    put: "project === ''",
    breaks: 'data that docker compose left is begun anew elsewhere',
  },
]
