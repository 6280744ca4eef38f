import type { ServiceSpec } from '../../model/index.js'
import type { Node } from '../node.js'
import { get, quoted, textOf } from '../node.js'
import { parseDuration } from '../quantities.js'
import { requireText } from '../read.js'
import type { Report } from '../report.js'

const PART = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const HOST =
  '(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?|\\[[0-9a-fA-F:]+\\](?::[0-9]+)?'
/** `[registry/]name[:tag][@digest]`, the grammar of distribution/reference. */
const REFERENCE = new RegExp(
  `^(?:(?:${HOST})/)?${PART}(?:/${PART})*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[a-f0-9]{64})?$`,
)

export function readImage(service: Node, report: Report): string {
  const image = requireText(service, 'image', report)
  const node = get(service, 'image')
  if (image === null || node === undefined) return ''
  checkReference(image, node, report)
  return image
}

/** Whether it names an image; else it is reported. */
export function checkReference(image: string, node: Node, report: Report): boolean {
  if (image.length <= 512 && REFERENCE.test(image)) return true
  const hint =
    image === ''
      ? 'a variable in it may be empty'
      : /[A-Z]/.test(image.replace(/[:@].*$/s, ''))
        ? 'names are lower-case'
        : 'write [registry/]name:tag'
  report.error('FIELD_INVALID', node, `${quoted(image)} is no image name; ${hint}`)
  return false
}

/** Absent: `always` for a tag that moves by habit (`latest`, or none), else `missing`. A digest never moves. `refresh` is `every_` by two keys. */
export function readPullPolicy(service: Node, image: string, report: Report): ServiceSpec['pullPolicy'] {
  const node = get(service, 'pull_policy')
  const policy = node === undefined ? null : textOf(node)
  const after = get(service, 'pull_refresh_after')
  if (node !== undefined && policy === 'refresh') return readRefresh(node, after, report)
  if (after !== undefined)
    report.error('CONFLICT', after, 'it goes with `pull_policy: refresh` only; write that, or remove this')
  if (node === undefined || policy === null) return pullDefault(image)
  if (policy === 'always' || policy === 'missing' || policy === 'never') return policy
  if (policy === 'if_not_present') return 'missing'
  const ageMs = AGES[policy] ?? parseDuration(/^every_(.+)$/s.exec(policy)?.[1] ?? '')
  if (ageMs !== undefined && ageMs !== null && ageMs >= 1_000) return `every_${Math.round(ageMs / 1_000)}`
  const hint =
    policy === 'build'
      ? 'Slipway does not build: build in CI and push'
      : 'use always, missing, never, daily, weekly, every_12h or refresh'
  report.error(
    policy === 'build' ? 'FIELD_UNSUPPORTED' : 'FIELD_INVALID',
    node,
    `the pull policy ${quoted(policy)} is not supported; ${hint}`,
  )
  return 'missing'
}

function readRefresh(policy: Node, after: Node | undefined, report: Report): ServiceSpec['pullPolicy'] {
  const ageMs = after === undefined ? null : parseDuration(textOf(after))
  if (ageMs !== null && ageMs !== undefined && ageMs >= 1_000) return `every_${Math.round(ageMs / 1_000)}`
  if (after === undefined)
    report.error('FIELD_MISSING', policy, 'the pull policy "refresh" needs `pull_refresh_after: 12h` beside it')
  else report.error('FIELD_INVALID', after, `found ${quoted(textOf(after))}, expected a time such as 12h`)
  return 'missing'
}

const AGES: Readonly<Record<string, number>> = { daily: 86_400_000, weekly: 7 * 86_400_000 }

function pullDefault(image: string): ServiceSpec['pullPolicy'] {
  if (image.includes('@')) return 'missing'
  const name = image.slice(image.lastIndexOf('/') + 1)
  return !name.includes(':') || name.endsWith(':latest') ? 'always' : 'missing'
}
