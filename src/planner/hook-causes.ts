import type { Cause, HookCommand, ServiceSpec } from '../model/index.js'
import { oneValue, recordCauses } from './differ.js'
import { showArguments } from './show-value.js'

/** Hooks have no names: they are told apart by their number. */
export function hookCauses(before: ServiceSpec, after: ServiceSpec): readonly Cause[] {
  return [
    ...listCauses('post_start', before.hooks?.postStart ?? [], after.hooks?.postStart ?? []),
    ...listCauses('pre_stop', before.hooks?.preStop ?? [], after.hooks?.preStop ?? []),
  ]
}

function listCauses(key: string, before: readonly HookCommand[], after: readonly HookCommand[]): readonly Cause[] {
  const count = Math.max(before.length, after.length)
  return Array.from({ length: count }, (_, index) => oneHook(`${key}.${index + 1}`, before[index], after[index])).flat()
}

function oneHook(field: string, before: HookCommand | undefined, after: HookCommand | undefined): readonly Cause[] {
  const text = (pick: (hook: HookCommand) => string | undefined, name: string): readonly Cause[] =>
    oneValue(`${field}${name}`, before ? (pick(before) ?? null) : null, after ? (pick(after) ?? null) : null)
  return [
    ...text(({ command }) => showArguments(command), ''),
    ...text(({ user }) => user, '.user'),
    ...text(({ privileged }) => (privileged === true ? 'true' : undefined), '.privileged'),
    ...text(({ workingDir }) => workingDir, '.working_dir'),
    ...recordCauses(`${field}.environment`, before?.environment ?? {}, after?.environment ?? {}),
  ]
}
