import { controllerAt, readTarget } from '../connect.js'
import { EXIT } from '../exit-code.js'
import { usage, valueOf } from '../invocation.js'
import type { Invocation } from '../invocation.js'
import { formatRevisions, formatStatus } from '../show/status.js'
import type { FleetStatus } from '../../controller/index.js'

export async function run({ args, options, format, io, look, settings }: Invocation): Promise<number> {
  const status = valueOf(await controllerAt(settings).status())
  const target = readTarget(args[0])
  if (target !== undefined) checkTarget(status, target)
  const shown =
    target === undefined ? status : { ...status, stacks: status.stacks.filter(({ name }) => name === target.stack) }
  if (format === 'json') io.out(`${JSON.stringify(shown, null, 2)}\n`)
  else {
    io.out(formatStatus(status, look, target))
    if (options.revisions === true) {
      for (const stack of shown.stacks) io.out(`\n${stack.name}\n${formatRevisions(stack, look).join('\n')}\n`)
    }
  }
  return EXIT.ok
}

function checkTarget(status: FleetStatus, target: { readonly stack: string; readonly service?: string }): void {
  const stack = status.stacks.find(({ name }) => name === target.stack)
  if (stack === undefined) {
    throw usage(
      `there is no stack ${target.stack}; there are ${status.stacks.map(({ name }) => name).join(', ') || 'none'}`,
    )
  }
  if (target.service === undefined || stack.services.some(({ name }) => name === target.service)) return
  throw usage(
    `there is no service ${target.service} in ${stack.name}; there are ${stack.services.map(({ name }) => name).join(', ') || 'none'}`,
  )
}
