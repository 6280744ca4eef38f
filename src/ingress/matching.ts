import type { CanaryMatch } from '../model/index.js'
import { FRESH_MAP } from './front-names.js'
import { remoteName, slotName } from './layout.js'
import type { ServiceLayout } from './layout.js'

/** By it a proxy tells another one that a request is for new replicas. */
const GROUP_HEADER = 'X-Slipway-Group'
/** So finely requests for new replicas are spread over them. */
const PICKS = 64

/** Of a backend that clients reach: who matches goes to a new replica, here or by its proxy. What a client says of the group itself is not believed. */
export function matchLines({ id, canary }: Pick<ServiceLayout, 'id' | 'canary'>): readonly string[] {
  const match = canary?.match ?? null
  if (match === null) return []
  return [
    `  http-request del-header ${GROUP_HEADER}`,
    `  http-request set-header ${GROUP_HEADER} new if { ${condition(match)} }`,
    ...pickLines(`${id}/`),
  ]
}

/** Of the backend that other proxies reach. */
export function matchLocalLines({ id, canary }: Pick<ServiceLayout, 'id' | 'canary'>): readonly string[] {
  return (canary?.match ?? null) === null ? [] : pickLines(`${id}/own/`)
}

/** A text from a manifest stands there in hexadecimal. */
function condition({ kind, name, value }: CanaryMatch): string {
  const said = kind === 'header' ? `req.fhdr(${name})` : `req.cook(${name})`
  return value === null ? `${said} -m found` : `${said},hex -m str ${Buffer.from(value).toString('hex').toUpperCase()}`
}

/** One that is down is passed over: then all are asked, by what they weigh. */
function pickLines(prefix: string): readonly string[] {
  return [
    `  http-request set-var(txn.pick) rand(${PICKS})`,
    `  http-request set-var(txn.fresh) str(${prefix}),concat(,txn.pick),map(${FRESH_MAP}) if { req.hdr(${GROUP_HEADER}) -m found }`,
    '  use-server %[var(txn.fresh)] if { var(txn.fresh) -m found }',
  ]
}

/** Where requests for new replicas go: pairs of what is picked and who it is. Nobody, while those have a share of nothing. */
export function picksOf({ id, canary, slots, remotes }: ServiceLayout): readonly (readonly [string, string])[] {
  if ((canary?.match ?? null) === null) return []
  const own = slots.flatMap((slot, index) =>
    slot?.isFresh === true && slot.weight > 0 ? [{ name: slotName(index), weight: slot.weight }] : [],
  )
  const theirs = remotes.flatMap(({ peer, fresh }) => (fresh > 0 ? [{ name: remoteName(peer), weight: fresh }] : []))
  return [...spread(`${id}/`, [...own, ...theirs]), ...spread(`${id}/own/`, own)]
}

function spread(
  prefix: string,
  entries: readonly { readonly name: string; readonly weight: number }[],
): readonly (readonly [string, string])[] {
  const all = entries.reduce((sum, { weight }) => sum + weight, 0)
  let before = 0
  return entries.flatMap(({ name, weight }) => {
    const from = Math.round((before / all) * PICKS)
    before += weight
    const count = Math.round((before / all) * PICKS) - from
    return Array.from({ length: count }, (_, at) => [`${prefix}${from + at}`, name] as const)
  })
}
