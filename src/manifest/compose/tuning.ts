import type { BlkioSpec, TuningSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { get, items, keyOf, textOf } from '../node.js'
import { readText } from '../read.js'
import type { StackContext } from './context.js'
import { readOptions } from './external.js'
import { sortedRecord } from './key-values.js'
import { bytes, count, flag, integer, microseconds, readSettings, textLike } from './settings.js'
import type { Read, Readers } from './settings.js'

const RATES = 2 ** 50

const BLKIO: Readers<BlkioSpec> = {
  weight: integer(10, 1_000),
  weightDevice: perDevice('weight', integer(10, 1_000)),
  deviceReadBps: perDevice('rate', bytes),
  deviceReadIops: perDevice('rate', count(RATES)),
  deviceWriteBps: perDevice('rate', bytes),
  deviceWriteIops: perDevice('rate', count(RATES)),
}

const TUNING: Readers<TuningSpec> = {
  cpuCount: count(4_096),
  cpuPercent: count(100),
  cpuPeriod: microseconds,
  cpuQuota: microseconds,
  cpuRtPeriod: microseconds,
  cpuRtRuntime: microseconds,
  cpuShares: count(262_144),
  cpuset: textLike(/^[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*$/, 'processors such as 0-3 or 0,1'),
  memSwappiness: integer(0, 100),
  oomKillDisable: flag,
  oomScoreAdj: integer(-1_000, 1_000),
  shmSize: bytes,
  blkioConfig: (node, context) => readSettings(node, BLKIO, context),
  storageOpt: (node) => nonEmpty(readOptions(node)),
}

/** The control group of a service beside its limits. */
export function readTuning(service: Node, context: StackContext): TuningSpec | undefined {
  const tuning = readSettings(service, TUNING, context)
  const spot = keyOf(service, 'cpu_quota') ?? keyOf(service, 'cpu_period')
  const limits = get(get(get(service, 'deploy'), 'resources'), 'limits')
  const hasCpus = get(service, 'cpus') !== undefined || get(limits, 'cpus') !== undefined
  if (hasCpus && spot !== undefined && (tuning?.cpuQuota !== undefined || tuning?.cpuPeriod !== undefined))
    context.report.error('CONFLICT', spot, '`cpus` is a quota in itself, and the engine takes one of them; remove this')
  return tuning
}

/** A list of `{path, rate}` as a record, sorted by path. */
function perDevice(key: string, read: Read<number>): Read<Readonly<Record<string, number>>> {
  return (node, context) => {
    const values = new Map<string, number>()
    for (const item of items(node)) {
      const path = readText(item, 'path') ?? ''
      const amount = get(item, key)
      const value = amount === undefined ? undefined : read(amount, context)
      if (path.startsWith('/') && value !== undefined) values.set(path, value)
      else if (!path.startsWith('/'))
        context.report.error(
          'FIELD_INVALID',
          item,
          `${textOf(get(item, 'path')) || 'nothing'} is no device; write its path such as /dev/sda`,
        )
    }
    return nonEmpty(sortedRecord(values))
  }
}

export function nonEmpty<T>(record: Readonly<Record<string, T>>): Readonly<Record<string, T>> | undefined {
  return Object.keys(record).length > 0 ? record : undefined
}
