import { LABELS, fail, formatSlot, ok } from '../model/index.js'
import type { HookCommand, HookSpec, Result, Slot } from '../model/index.js'
import type { ListReader } from './container-list.js'
import { at, readJsonIfThere, textAt } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import { about, toProblem } from './engine-errors.js'
import { execute } from './exec.js'

/** A container whose hooks are run. */
export interface Hooked {
  readonly containerId: string
  readonly slot: Slot
}

/** Hooks of a container that runs, from its label; empty when it has none or does not run. Most have none: that is in every list, and costs no call. */
export async function hooksOf(
  engine: Engine,
  list: Pick<ListReader, 'isHooked'>,
  { containerId, slot }: Hooked,
  signal: AbortSignal,
): Promise<HookSpec> {
  if (list.isHooked(containerId) === false) return {}
  const call = { method: 'GET', path: `/containers/${segment(containerId)}/json`, lane: 'read' } as const
  const info = await readJsonIfThere(engine, call, `inspect ${formatSlot(slot)}`, signal)
  if (!info.ok || at(info.value, 'State', 'Running') !== true) return {}
  return readHooks(textAt(info.value, 'Config', 'Labels', LABELS.hooks))
}

/** The label is ours, but a server's owner may have made a container with it. */
function readHooks(label: string): HookSpec {
  try {
    return label === '' ? {} : (JSON.parse(label) as HookSpec)
  } catch {
    return {}
  }
}

/** Runs them one after the other, all within the time; the first that fails ends it. Problems: HOOK_FAILED and those of any call. */
export async function runHooks(
  engine: Engine,
  hooked: Hooked,
  key: 'post_start' | 'pre_stop',
  hooks: readonly HookCommand[],
  allMs: number,
  signal: AbortSignal,
): Promise<Result<null>> {
  const endMs = engine.clock.nowMs() + allMs
  for (const [index, hook] of hooks.entries()) {
    const timeoutMs = Math.max(1, endMs - engine.clock.nowMs())
    const done = await runHook(engine, hooked, `${key} command ${index + 1}`, hook, timeoutMs, signal)
    if (!done.ok) return done
  }
  return ok(null)
}

async function runHook(
  engine: Engine,
  hooked: Hooked,
  name: string,
  hook: HookCommand,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Result<null>> {
  const failed = (how: string): Result<null> => {
    const message = `${name} of ${formatSlot(hooked.slot)} on server ${engine.server} ${how}`
    return fail({ ...about(engine, hooked), code: 'HOOK_FAILED', message })
  }
  const body = {
    Cmd: hook.command,
    ...(hook.user === undefined ? {} : { User: hook.user }),
    ...(hook.workingDir === undefined ? {} : { WorkingDir: hook.workingDir }),
    ...(hook.privileged === undefined ? {} : { Privileged: true }),
    Env: Object.entries(hook.environment ?? {}).map(([key, value]) => `${key}=${value}`),
  }
  const done = await execute(engine, hooked.containerId, body, { what: `see how ${name} ended`, timeoutMs }, signal)
  switch (done.kind) {
    case 'exited':
      return done.code === 0
        ? ok(null)
        : failed(`exited with ${done.code}${done.output === '' ? '' : `: ${done.output}`}`)
    case 'late':
      return failed(`did not end within ${timeoutMs} ms${done.output === '' ? '' : `: ${done.output}`}`)
    case 'refused':
      return fail({
        ...toProblem(done.failure, { server: engine.server, what: `run ${name}` }),
        ...about(engine, hooked),
      })
    case 'unknown':
      return failed(`has an unknown end: ${done.why}`)
  }
}
