import { isHeaderName, isHeaderValue } from '../../ingress/index.js'
import { isLoopback } from '../../model/index.js'
import type { CanaryCheck, CheckQuestion } from '../../model/index.js'
import type { Node } from '../node.js'
import { describe, entries, get, items, keyOf, quoted, textOf } from '../node.js'
import { readDuration, readInteger, readNumber, requireText } from '../read.js'
import type { StackContext } from './context.js'
import { readNamedText } from './route-certificate.js'
import { readExpect } from './x-slipway.js'

export const CHECK_DEFAULTS = Object.freeze({
  intervalMs: 30_000,
  timeoutMs: 5_000,
  failures: 2,
  expect: Object.freeze([200, 299] as const),
})

const INTERVALS = { min: 1_000, max: 86_400_000 }
const TIMEOUTS = { min: 100, max: 60_000 }
const FAILURES = { min: 1, max: 100 }
const BOUNDS = { min: -Number.MAX_VALUE, max: Number.MAX_VALUE }
const MOST_CHECKS = 10
const MOST_URL = 2_000
const MOST_QUERY = 4_000
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/

/** `checks:` of a canary, in the order in which they stand there. */
export function readChecks(node: Node | undefined, context: StackContext): readonly CanaryCheck[] {
  const nodes = items(node)
  const [seen, report] = [new Set<string>(), context.report]
  if (node !== undefined && nodes.length > MOST_CHECKS)
    report.error('VALUE_OUT_OF_RANGE', node, `${nodes.length} checks are too many; at most ${MOST_CHECKS}`)
  return nodes.flatMap((one) => {
    const check = readCheck(one, context)
    if (check === null) return []
    if (seen.has(check.name))
      report.error(
        'CONFLICT',
        get(one, 'name') ?? one,
        `another check is called ${quoted(check.name)}; name it otherwise`,
      )
    seen.add(check.name)
    return [check]
  })
}

function readCheck(node: Node, context: StackContext): CanaryCheck | null {
  const { report } = context
  const name = requireText(node, 'name', report)
  if (name !== null && !NAME.test(name))
    report.error(
      'NAME_INVALID',
      get(node, 'name') ?? node,
      `${quoted(name)} is no name of a check; write up to 63 letters, digits, and . _ -`,
    )
  const question = readQuestion(node, context)
  const intervalMs = readDuration(node, 'interval', report, INTERVALS) ?? CHECK_DEFAULTS.intervalMs
  const timeoutMs = readDuration(node, 'timeout', report, TIMEOUTS) ?? CHECK_DEFAULTS.timeoutMs
  const failures = readInteger(node, 'failures', FAILURES, report) ?? CHECK_DEFAULTS.failures
  return name === null || question === null ? null : { name, question, intervalMs, timeoutMs, failures }
}

function readQuestion(node: Node, context: StackContext): CheckQuestion | null {
  const [http, prometheus] = [get(node, 'http'), get(node, 'prometheus')]
  if (http !== undefined && prometheus !== undefined) {
    const spot = keyOf(node, 'prometheus') ?? prometheus
    context.report.error('CONFLICT', spot, 'a check is either http or prometheus; make two checks of them')
    return null
  }
  if (http !== undefined) return readHttp(http, context)
  if (prometheus !== undefined) return readPrometheus(prometheus, context)
  if (keyOf(node, 'http') === undefined && keyOf(node, 'prometheus') === undefined)
    context.report.error(
      'FIELD_MISSING',
      node,
      'the check asks nothing; write `http: {url: …}` or `prometheus: {url: …, query: …, max: …}`',
    )
  return null
}

function readHttp(node: Node, context: StackContext): CheckQuestion | null {
  const url = readUrl(node, context)
  const [expectMin, expectMax] = readExpect(get(node, 'expect'), context.report, CHECK_DEFAULTS.expect)
  const headers = readHeaders(get(node, 'headers'), context)
  const authorization = readAuthorization(node, url, context)
  return url === null ? null : { kind: 'http', url: url.href, headers, authorization, expectMin, expectMax }
}

function readPrometheus(node: Node, context: StackContext): CheckQuestion | null {
  const { report } = context
  const url = readUrl(node, context)
  if (url !== null && url.search !== '')
    report.error(
      'FIELD_INVALID',
      get(node, 'url') ?? node,
      'write the address of the server alone, and the `query:` apart',
    )
  const query = requireText(node, 'query', report)
  if (query !== null && query.length > MOST_QUERY)
    report.error('VALUE_OUT_OF_RANGE', get(node, 'query') ?? node, `the query is longer than ${MOST_QUERY} characters`)
  const [min, max] = [readNumber(node, 'min', BOUNDS, report), readNumber(node, 'max', BOUNDS, report)]
  if (get(node, 'min') === undefined && get(node, 'max') === undefined)
    report.error('FIELD_MISSING', node, 'say what the query may give: `max:`, `min:` or both')
  if (min !== null && max !== null && min > max)
    report.error('CONFLICT', get(node, 'min') ?? node, `nothing is at least ${min} and at most ${max}`)
  const authorization = readAuthorization(node, url, context)
  if (url === null || query === null) return null
  return { kind: 'prometheus', url: url.href.replace(/\/+$/, ''), query, authorization, min, max }
}

function readUrl(node: Node, { report }: StackContext): URL | null {
  const text = requireText(node, 'url', report)
  if (text === null) return null
  const spot = get(node, 'url') ?? node
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol) || /\s/.test(text))
    report.error(
      'FIELD_INVALID',
      spot,
      `found ${describe(spot)}, expected an address such as https://shop.example.com/ready`,
    )
  else if (url.username !== '' || url.password !== '')
    report.error(
      'FIELD_INVALID',
      spot,
      'no name or password belongs into an address; write `authorization:` with a secret',
    )
  else if (text.length > MOST_URL)
    report.error('VALUE_OUT_OF_RANGE', spot, `the address is longer than ${MOST_URL} characters`)
  else if (url.hash !== '') report.error('FIELD_INVALID', spot, 'what stands behind # is never sent; leave it out')
  else return url
  return null
}

function readHeaders(node: Node | undefined, { report }: StackContext): Readonly<Record<string, string>> {
  const headers = entries(node).map(([name, { key: spot, value }]) => {
    if (!isHeaderName(name)) report.error('NAME_INVALID', spot, `${quoted(name)} is no name of a header`)
    else if (/^(authorization|proxy-authorization)$/i.test(name))
      report.error('CONFLICT', spot, 'it is a secret; write `authorization:` with the name of one')
    else if (/^(host|connection|content-length|transfer-encoding|upgrade|te|trailer|expect)$/i.test(name))
      report.error('CONFLICT', spot, `${name} is said by the connection itself; remove it`)
    const text = textOf(value)
    if (!isHeaderValue(text)) report.error('FIELD_INVALID', value, `${quoted(text)} is no value of a header`)
    return [name, text] as const
  })
  return Object.fromEntries(headers)
}

/** One line of a secret or a file: `Bearer …`. Never told, not even where it is wrong. */
function readAuthorization(node: Node, url: URL | null, context: StackContext): string | null {
  const said = get(node, 'authorization')
  if (said === undefined) return null
  const found = readNamedText(said, context)
  if (found === null) return null
  if (url?.protocol === 'http:' && !isLoopback(url.hostname))
    context.report.warn('CONFLICT', said, 'the secret goes over the network in plain; ask by https')
  const text = found.text.trim()
  if (text !== '' && isHeaderValue(text)) return text
  const message = `there must be one line in ${quoted(found.name)}, what the header Authorization says, such as Bearer and a token`
  context.report.error('FIELD_INVALID', said, message)
  return null
}
