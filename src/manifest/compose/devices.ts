import { compareText } from '../../model/index.js'
import type { DeviceMapping, DeviceRequest, DeviceSpec } from '../../model/index.js'
import { cleanAbsolute } from '../files.js'
import type { Node } from '../node.js'
import { describe, get, items, keyOf, textOf } from '../node.js'
import { integerOf, readText } from '../read.js'
import type { StackContext } from './context.js'
import { readOptions } from './external.js'
import { groupOf, sorted, texts } from './settings.js'

/** `vendor.com/class=name`: the engine asks a CDI driver for it. */
const CDI = /^[a-zA-Z0-9][a-zA-Z0-9.-]*\/[a-zA-Z0-9][a-zA-Z0-9_-]*=[a-zA-Z0-9][a-zA-Z0-9_.:-]*$/
const RULE = /^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/
const ALL = -1

/** Devices of a service: those of the host, and those that a driver chooses (`gpus`, reservations of `deploy`). */
export function readDevices(service: Node, context: StackContext): DeviceSpec | undefined {
  const mapped = items(get(service, 'devices')).map((node) => readDevice(node, context))
  const devices = mapped.filter((one) => one !== null && typeof one !== 'string')
  const cdi = mapped.filter((one) => typeof one === 'string')
  const reserved = items(get(get(get(get(service, 'deploy'), 'resources'), 'reservations'), 'devices'))
  const requests = [
    ...(cdi.length === 0 ? [] : [{ ...EMPTY_REQUEST, driver: 'cdi', deviceIds: cdi }]),
    ...readGpus(get(service, 'gpus'), context),
    ...reserved.map((node) => readRequest(node, [], context)),
  ]
  const rules = readRules(get(service, 'device_cgroup_rules'), context)
  return groupOf({
    ...(devices.length > 0 ? { devices: [...devices].sort((a, b) => compareText(a.target, b.target)) } : {}),
    ...(rules === undefined ? {} : { deviceCgroupRules: rules }),
    ...(requests.length > 0 ? { deviceRequests: requests } : {}),
  })
}

const EMPTY_REQUEST: DeviceRequest = { driver: '', count: 0, deviceIds: [], capabilities: [], options: {} }

function readDevice(node: Node, context: StackContext): DeviceMapping | string | null {
  const [first = '', second = first, permissions = 'rwm'] =
    node.kind === 'map'
      ? [
          readText(node, 'source') ?? '',
          readText(node, 'target') ?? undefined,
          readText(node, 'permissions') ?? undefined,
        ]
      : textOf(node).split(':')
  if (CDI.test(first)) return first
  // `/dev/fuse:rwm` has permissions in the place of a target.
  const [target, allowed] = /^[rwm]{1,3}$/.test(second) ? [first, second] : [second, permissions]
  const [source, place] = [cleanAbsolute(first), cleanAbsolute(target)]
  if (source !== null && place !== null && /^[rwm]{1,3}$/.test(allowed))
    return { source, target: place, permissions: allowed }
  context.report.error(
    'FIELD_INVALID',
    node,
    `found ${describe(node)}, expected a device such as "/dev/fuse", "/dev/sda:/dev/xvda:r" or "vendor.com/gpu=all"`,
  )
  return null
}

function readRules(node: Node | undefined, context: StackContext): readonly string[] | undefined {
  for (const item of items(node)) {
    if (!RULE.test(textOf(item)))
      context.report.error('FIELD_INVALID', item, `found ${describe(item)}, expected a rule such as "c 189:* rmw"`)
  }
  return node === undefined ? undefined : sorted(texts)(node, context)
}

/** `all`, or a list of requests, each of which wants a GPU. */
function readGpus(node: Node | undefined, context: StackContext): readonly DeviceRequest[] {
  if (node === undefined) return []
  if (node.kind !== 'scalar') return items(node).map((item) => readRequest(item, ['gpu'], context))
  if (textOf(node) === 'all') return [{ ...EMPTY_REQUEST, count: ALL, capabilities: [['gpu']] }]
  context.report.error(
    'FIELD_INVALID',
    node,
    `found ${describe(node)}, expected all, or a list such as [{driver: nvidia, count: 1}]`,
  )
  return []
}

function readRequest(node: Node, wanted: readonly string[], context: StackContext): DeviceRequest {
  const [count, ids] = [get(node, 'count'), items(get(node, 'device_ids')).map(textOf)]
  const spot = keyOf(node, 'count')
  if (count !== undefined && spot !== undefined && ids.length > 0)
    context.report.error('CONFLICT', spot, '`count` and `device_ids` exclude each other; keep one of them')
  const capabilities = new Set([...items(get(node, 'capabilities')).map(textOf), ...wanted])
  if (capabilities.size === 0)
    context.report.error(
      'FIELD_MISSING',
      node,
      '`capabilities` is missing; write what the device can do, such as [gpu]',
    )
  const isAll = count === undefined ? ids.length === 0 : textOf(count) === 'all'
  return {
    driver: readText(node, 'driver') ?? '',
    count: isAll ? ALL : count === undefined ? 0 : (integerOf(count, { min: -1, max: 1_000 }, context.report) ?? 0),
    deviceIds: ids,
    capabilities: [[...capabilities].sort(compareText)],
    options: readOptions(get(node, 'options')),
  }
}
