import { compareText } from '../../model/index.js'
import type { Constraint, PlacementSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { get, items, quoted, textOf } from '../node.js'
import { readInteger } from '../read.js'
import type { Report } from '../report.js'
import { didYouMean } from '../text.js'

const PLAIN_KEYS = ['node.id', 'node.hostname', 'node.platform.os', 'node.platform.arch']
const LABEL_KEY = /^node\.labels\.[A-Za-z0-9_][A-Za-z0-9_.-]*$/

/** `fixed`: constraints that other keys of the service bring along. */
export function readPlacement(service: Node, fixed: readonly Constraint[], report: Report): PlacementSpec {
  const placement = get(get(service, 'deploy'), 'placement')
  const constraints = [...fixed, ...items(get(placement, 'constraints')).map((node) => readConstraint(node, report))]
  const spread = items(get(placement, 'preferences')).map((node) => readSpread(node, report))
  const unique = new Map(constraints.filter((one) => one !== null).map((one) => [JSON.stringify(one), one]))
  return {
    constraints: [...unique.values()].sort(
      (a, b) => compareText(a.key, b.key) || compareText(a.op + a.value, b.op + b.value),
    ),
    spread: spread.filter((key) => key !== null),
    maxPerServer: readInteger(placement, 'max_replicas_per_node', { min: 0, max: 10_000 }, report) ?? 0,
  }
}

export function readConstraint(node: Node, report: Report): Constraint | null {
  const text = textOf(node)
  const [, key = '', op = '', value = ''] = /^\s*([A-Za-z0-9_.-]+)\s*(==|!=)\s*(.*?)\s*$/s.exec(text) ?? []
  if (key === '' || value === '') {
    report.error(
      'FIELD_INVALID',
      node,
      `${quoted(text)} is no constraint; write key == value or key != value, such as node.labels.zone == lon-a`,
    )
    return null
  }
  return isPlacementKey(key, node, report) ? { key, op: op === '==' ? '==' : '!=', value } : null
}

function isPlacementKey(key: string, node: Node, report: Report): boolean {
  if (PLAIN_KEYS.includes(key) || LABEL_KEY.test(key)) return true
  if (key === 'node.role')
    report.error(
      'FIELD_UNSUPPORTED',
      node,
      'servers have no roles here; give them a label in slipway.yaml and use node.labels.…',
    )
  else if (key.startsWith('engine.labels.'))
    report.error(
      'FIELD_UNSUPPORTED',
      node,
      'labels of the engine are not read; label the server in slipway.yaml and use node.labels.…',
    )
  else {
    const near = didYouMean(key, PLAIN_KEYS) || `; known are ${PLAIN_KEYS.join(', ')} and node.labels.…`
    report.error('FIELD_INVALID', node, `the key ${quoted(key)} is not known${near}`)
  }
  return false
}

function readSpread(node: Node, report: Report): string | null {
  const spread = get(node, 'spread')
  if (spread === undefined) return null
  const key = textOf(spread)
  if (LABEL_KEY.test(key)) return key
  report.error(
    'FIELD_INVALID',
    spread,
    `found ${quoted(key)}, expected a label to spread over such as node.labels.zone`,
  )
  return null
}
