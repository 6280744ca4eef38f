import { MOST_SHARERS } from '../model/index.js'
import { PARTS, SPLIT } from './front-places.js'
import type { Sharing } from './front-places.js'

/** Says which of the services that share a host and path a client was given; one for each path of them. */
const SERVICE_COOKIE = 'slipway-service'
const COOKIE_ATTRIBUTES = 'HttpOnly; SameSite=Lax'

const shared = `{ var(txn.to) -m beg ${SPLIT} }`
/** Only where clients stay there is a path. */
const kept = `{ var(txn.split) -m beg ${SPLIT}/ }`

/** The end of a service's label, which is a hash. */
const LABEL = 'field(2,_),field(-1,-)'

/**
 * Of the services that share a host and path, which has this request: the one that the client was given, else by a number that is drawn. As soon as `txn.to` is one of them
 * the lines after it do nothing. Where the checks here say that nobody of it is left, it goes to the first of the others, until the controller has seen it.
 */
export function shareLines(sharing: Sharing): readonly string[] {
  if (sharing === 'none') return []
  return [
    `  http-request set-var(txn.split) var(txn.to) if ${shared}`,
    ...(sharing === 'sticky' ? keepLines() : []),
    `  http-request set-var(txn.drawn) rand(${PARTS}) if ${shared}`,
    ...each(({ most, backend }) => `set-var(txn.to) ${backend} if ${shared} { ${most},sub(txn.drawn) gt 0 }`),
    ...each(
      ({ backend }) =>
        `set-var(txn.to) ${backend} if { var(txn.split) -m found } { var(txn.to),nbsrv eq 0 } { ${backend},nbsrv gt 0 }`,
    ),
    ...(sharing === 'sticky' ? cookieLines() : []),
  ]
}

function each(line: (at: { readonly most: string; readonly backend: string }) => string): readonly string[] {
  return Array.from({ length: MOST_SHARERS }, (_, at) => {
    const [most, backend] = [3 + 2 * at, 4 + 2 * at].map((field) => `var(txn.split),field(${field},|)`)
    return `  http-request ${line({ most: most ?? '', backend: backend ?? '' })}`
  })
}

function keepLines(): readonly string[] {
  return [
    `  http-request set-var(txn.given) req.cook(${SERVICE_COOKIE}) if ${kept}`,
    ...each(({ backend }) => `set-var(txn.to) ${backend} if ${shared} { ${backend},${LABEL},strcmp(txn.given) eq 0 }`),
  ]
}

function cookieLines(): readonly string[] {
  const isNew = '{ var(txn.service) -m found } !{ var(txn.service),strcmp(txn.given) eq 0 }'
  const cookie = `${SERVICE_COOKIE}=%[var(txn.service)]; Path=%[var(txn.split),field(2,|)]; ${COOKIE_ATTRIBUTES}`
  return [
    `  http-request set-var(txn.service) var(txn.to),${LABEL} if ${kept}`,
    `  http-response add-header Set-Cookie "${cookie}; Secure" if ${isNew} { ssl_fc }`,
    `  http-response add-header Set-Cookie "${cookie}" if ${isNew} !{ ssl_fc }`,
  ]
}
