import type { Constraint, ExecutionSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { items, quoted, textOf } from '../node.js'
import { flag, readSettings, text, textLike } from './settings.js'
import type { Readers } from './settings.js'
import type { StackContext } from './context.js'
import { readKeyValues } from './key-values.js'
import { nonEmpty } from './tuning.js'

const EXECUTION: Readers<ExecutionSpec> = {
  runtime: text,
  platform: textLike(/^[a-z0-9_]+(\/[a-z0-9_]+(\/[a-z0-9_.]+)?)?$/, 'a platform such as linux/amd64 or linux/arm/v7'),
  annotations: (node, { report }) => nonEmpty(readKeyValues(node, report)),
  tty: flag,
  stdinOpen: flag,
  volumesFrom: foreignVolumes,
}

export function readExecution(service: Node, context: StackContext): ExecutionSpec | undefined {
  return readSettings(service, EXECUTION, context)
}

/** `container:name[:ro]`; those of services become mounts. */
function foreignVolumes(node: Node, { report }: StackContext): readonly string[] | undefined {
  const found = items(node).flatMap((item) => {
    const [, from] = /^container:([a-zA-Z0-9][a-zA-Z0-9_.-]*(?::(?:ro|rw))?)$/.exec(textOf(item)) ?? []
    if (from === undefined && textOf(item).startsWith('container:'))
      report.error(
        'FIELD_INVALID',
        item,
        `found ${quoted(textOf(item))}, expected a container such as "container:name:ro"`,
      )
    return from ?? []
  })
  return found.length > 0 ? found : undefined
}

/** Architectures whose programs other machines run as well: 64-bit processors run those of 32 bits. */
const RUN_ELSEWHERE = ['386', 'arm']

/** A platform is also a place: only servers that run it can have the service. */
export function platformConstraints(platform: string | undefined): readonly Constraint[] {
  const [os, arch] = platform?.split('/') ?? []
  if (os === undefined) return []
  const wanted: readonly Constraint[] = [{ key: 'node.platform.os', op: '==', value: os }]
  return arch === undefined || RUN_ELSEWHERE.includes(arch)
    ? wanted
    : [...wanted, { key: 'node.platform.arch', op: '==', value: arch }]
}
