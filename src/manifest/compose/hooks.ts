import type { HookCommand, HookSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { get, items } from '../node.js'
import { readBoolean, readText } from '../read.js'
import { readCommand } from './command.js'
import type { StackContext } from './context.js'
import { readKeyValues } from './key-values.js'
import { readSettings } from './settings.js'
import type { Read, Readers } from './settings.js'
import { nonEmpty } from './tuning.js'

const commands: Read<readonly HookCommand[]> = (node, context) => {
  const hooks = items(node).flatMap((item) => readHook(item, context))
  return hooks.length > 0 ? hooks : undefined
}

const HOOKS: Readers<HookSpec> = { postStart: commands, preStop: commands }

/** Commands that are run in the container after its start and before its stop. */
export function readHooks(service: Node, context: StackContext): HookSpec | undefined {
  return readSettings(service, HOOKS, context)
}

function readHook(node: Node, context: StackContext): readonly HookCommand[] {
  const { report } = context
  const command = readCommand(node, 'command', report) ?? []
  if (command.length === 0) {
    if (get(node, 'command') !== undefined) report.error('FIELD_MISSING', node, 'the hook runs nothing; name a command')
    return []
  }
  const user = readText(node, 'user')
  const workingDir = readText(node, 'working_dir')
  const environment = nonEmpty(readKeyValues(get(node, 'environment'), report, context.variables))
  return [
    {
      command,
      ...(user === null ? {} : { user }),
      ...(workingDir === null ? {} : { workingDir }),
      ...(readBoolean(node, 'privileged', report) === true ? { privileged: true } : {}),
      ...(environment === undefined ? {} : { environment }),
    },
  ]
}
