import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import type { Command } from '../controller/index.js'

const NAME = /^[a-z0-9][a-z0-9_.-]{0,62}$/i
const SCOPE = /^(?:\*|[a-z0-9][a-z0-9_.-]{0,62}(?:\/[a-z0-9][a-z0-9_.-]{0,62})?)$/i
const PART = /^[a-z0-9][a-z0-9_.-]{0,62}(?:\/[a-z0-9][a-z0-9_.-]{0,62})?$/i
const TEXT = /^[^\p{Cc}]{0,500}$/u
const SHA = /^[0-9a-f]{7,40}$/

/** What each field of each command must look like. Which gate an approval opens is for the controller to say. */
const FIELDS: {
  readonly [Kind in Command['kind']]: Readonly<Record<Exclude<keyof CommandOf<Kind>, 'kind' | 'gate'>, RegExp>>
} = {
  approve: { sha: SHA, by: TEXT },
  retry: { stack: NAME, by: TEXT },
  promote: { scope: PART, to: /^(?:step|end)$/, by: TEXT },
  abort: { stack: NAME, by: TEXT },
  restart: { stack: NAME, service: NAME, reason: TEXT, by: TEXT },
  suspend: { scope: SCOPE, reason: TEXT, by: TEXT },
  resume: { scope: SCOPE, by: TEXT },
  drain: { server: NAME, by: TEXT },
  undrain: { server: NAME, by: TEXT },
  sync: { by: TEXT },
}

type CommandOf<Kind extends Command['kind']> = Extract<Command, { readonly kind: Kind }>

/** A command as it came over the wire, or by which field it is not one. Problem: REQUEST_INVALID. */
export function readCommand(input: unknown): Result<Command> {
  if (typeof input !== 'object' || input === null) return refused('a command is a JSON object')
  const { kind, ...rest } = input as Record<string, unknown>
  if (typeof kind !== 'string' || !Object.hasOwn(FIELDS, kind)) {
    return refused(`kind is one of ${Object.keys(FIELDS).join(', ')}`)
  }
  const fields: Readonly<Record<string, RegExp>> = FIELDS[kind as Command['kind']]
  const unknown = Object.keys(rest).find((name) => !Object.hasOwn(fields, name))
  if (unknown !== undefined) return refused(`${kind} has no field ${JSON.stringify(unknown.slice(0, 50))}`)
  for (const [name, pattern] of Object.entries(fields)) {
    const value = rest[name]
    if (typeof value !== 'string' || !pattern.test(value))
      return refused(`${kind}.${name} must match ${pattern.source}`)
  }
  return ok({ kind, ...rest } as Command)
}

function refused(message: string): Result<never> {
  return fail({ code: 'REQUEST_INVALID', message })
}
