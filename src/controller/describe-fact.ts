import { formatSlot } from '../model/index.js'
import type { Action, Problem, Revision } from '../model/index.js'
import type { Fact } from './facts.js'
import type { LogEvent } from './ports.js'

type Described = Pick<LogEvent, 'level' | 'message' | 'fields'>

/** Fields of the log event of an action that failed. */
export function describeFailure(
  { kind: action, server, stack }: Action,
  { code, message: problem }: Problem,
): LogEvent['fields'] {
  return { action, server, stack, code, problem }
}

/** A fact as one log event: a fixed message with typed fields. */
export function describeFact(fact: Fact): Described {
  switch (fact.kind) {
    case 'revision-accepted':
      return info('revision accepted', about(fact.revision))
    case 'revision-held':
      return warn('revision held', { ...about(fact.revision), code: fact.problem.code, problem: fact.problem.message })
    case 'revision-refused':
      return warn('revision refused', {
        ...about(fact.revision),
        problems: fact.problems.map((problem) => problem.message),
      })
    case 'revision-released':
      return info('revision released', {})
    case 'guard-released': {
      const { guard, reason, commit, author, revision } = fact
      return info('guard released by commit', { guard, reason, commit, author, revision: revision.sha })
    }
    case 'commanded': {
      const { kind, ...fields } = fact.command
      return info('command', { command: kind, ...fields })
    }
    case 'engine-pinned':
      return { level: 'debug', message: 'engine pinned', fields: { server: fact.server, engine: fact.engineId } }
    case 'server-lost':
      return warn('server lost', { server: fact.server })
    case 'server-returned':
      return info('server returned', { server: fact.server })
    case 'server-retired':
      return info('server retired', { server: fact.server })
    case 'stack-orphaned':
      return info('stack not in Git', { stack: fact.stack })
    case 'rival-seen':
      return {
        level: 'error',
        message: 'another controller',
        fields: { server: fact.server, controller: fact.controller, container: fact.container },
      }
    case 'certificate-issued':
      return info('certificate issued', { host: fact.host, until: new Date(fact.untilMs).toISOString() })
    case 'certificate-failed': {
      const { code, message: problem } = fact.problem
      const until = fact.untilMs === null ? null : new Date(fact.untilMs).toISOString()
      return warn('certificate failed', { host: fact.host, until, code, problem })
    }
    case 'certificates-restored':
      return info('certificates restored', { hosts: fact.hosts })
    default:
      return describeRollout(fact)
  }
}

type RolloutFacts = Exclude<
  Fact,
  {
    kind:
      | 'revision-accepted'
      | 'revision-held'
      | 'revision-refused'
      | 'revision-released'
      | 'guard-released'
      | 'commanded'
      | 'engine-pinned'
      | 'server-lost'
      | 'server-returned'
      | 'server-retired'
      | 'stack-orphaned'
      | 'rival-seen'
      | 'certificate-issued'
      | 'certificate-failed'
      | 'certificates-restored'
  }
>

function describeRollout(fact: RolloutFacts): Described {
  const { stack } = fact
  switch (fact.kind) {
    case 'rollout-started':
      return info('rollout started', {
        stack,
        ...about(fact.revision),
        direction: fact.direction,
        slots: fact.slots,
        services: Object.keys(fact.services).sort(),
      })
    case 'rollout-blocked':
      return warn('rollout blocked', {
        stack,
        problems: fact.problems.map((problem) => problem.message),
        attempt: fact.attempt,
      })
    case 'image-pinned':
      return info('image pinned', { stack, service: fact.service, image: fact.image, digest: fact.digest })
    case 'rollout-prepared':
      return info('rollout prepared', { stack })
    case 'slot-proven':
      return info('replica healthy', { stack, service: fact.service, slot: formatSlot(fact.slot), server: fact.server })
    case 'replica-failed':
      return warn('replica failed', {
        stack,
        service: fact.service,
        slot: formatSlot(fact.slot),
        server: fact.server,
        code: fact.problem.code,
        problem: fact.problem.message,
      })
    case 'step-begun': {
      const { service, step, steps, percent, promoted } = fact
      return info('step begun', { stack, service, step, steps, percent, promoted })
    }
    case 'step-reached':
      return info('step reached', { stack, service: fact.service, step: fact.step, percent: fact.percent })
    case 'job-finished':
      return info('job finished', { stack, service: fact.service, server: fact.server, exitCode: fact.exitCode })
    case 'rollout-completed':
    case 'rollout-failed':
      return describeEnd(fact)
    case 'rollout-superseded':
      return info('rollout superseded', { stack, ...about(fact.revision), by: fact.by.sha })
    case 'rollout-delayed':
      return { level: 'debug', message: 'rollout delayed', fields: { stack } }
    case 'stack-adopted':
      return info('stack adopted', { stack, ...about(fact.revision) })
    case 'stack-removed':
      return info('stack removed', { stack })
    case 'replica-healed':
      return warn('replica healed', {
        stack,
        service: fact.service,
        slot: formatSlot(fact.slot),
        server: fact.server,
        how: fact.how,
        reason: fact.reason,
      })
    case 'limits-updated':
      return info('limits updated', { stack, service: fact.service, limits: fact.limits })
  }
}

function describeEnd(fact: Extract<Fact, { kind: 'rollout-completed' | 'rollout-failed' }>): Described {
  const { stack } = fact
  switch (fact.kind) {
    case 'rollout-completed':
      return info(fact.direction === 'back' ? 'rolled back' : 'rollout completed', {
        stack,
        ...about(fact.revision),
        failedSlots: fact.failedSlots,
      })
    case 'rollout-failed':
      return {
        level: 'error',
        message: 'rollout failed',
        fields: {
          stack,
          ...about(fact.revision),
          service: fact.service,
          code: fact.problem.code,
          problem: fact.problem.message,
          then: fact.then,
        },
      }
  }
}

function about(revision: Revision): LogEvent['fields'] {
  return { revision: revision.sha, author: revision.author, subject: revision.subject }
}

function info(message: string, fields: LogEvent['fields']): Described {
  return { level: 'info', message, fields }
}

function warn(message: string, fields: LogEvent['fields']): Described {
  return { level: 'warn', message, fields }
}
