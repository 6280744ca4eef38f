import { pack } from 'tar-stream'
import { fail, ok } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'
import { ADDRESSES_FILE, CONFIG_FILE, IPV6_VARIABLE, PROXY_PATHS } from '../ingress/index.js'
import type { Listener, ProxyFile } from '../ingress/index.js'
import { at } from './engine.js'
import type { Engine } from './engine.js'
import { segment } from './engine-client.js'
import { toProblem } from './engine-errors.js'
import { execute } from './exec.js'
import type { Executed } from './exec.js'
import { finished } from './file-archive.js'
import { localName } from './proxy-ports.js'

type Link = 'current' | 'confirmed'

/** A link is moved in one step: whatever ends the proxy finds a whole table when it starts again. */
const MOVE = 'for l in $links; do ln -sfn "$to" "$l.new" && mv -fT "$l.new" "$l" || exit 8; done'

/** Tables that no link leads to. */
const SWEEP =
  'for d in tables/*; do case "$d" in "$(readlink current)" | "$(readlink confirmed)") ;; *) rm -rf "$d" ;; esac; done'

/** `$1` digest, `$2` links. */
const CHECK_AND_MOVE = [
  `cd ${PROXY_PATHS.home} || exit 8`,
  `if [ -e /proc/net/if_inet6 ]; then export ${IPV6_VARIABLE}=1; fi`,
  `haproxy -c -f "tables/$1/${CONFIG_FILE}" || exit 9`,
  'to="tables/$1"; links="$2"',
  MOVE,
  SWEEP,
  // A listener on an address that is not the server's yet waits for it.
  `if [ -e "$to/${ADDRESSES_FILE}" ]; then sh routes "$to/${ADDRESSES_FILE}" || exit 6; fi`,
].join('\n')

/** `$1` digest. */
const CONFIRM = [`cd ${PROXY_PATHS.home} || exit 8`, 'to="tables/$1"; links=confirmed', MOVE, SWEEP].join('\n')

const TAKE_BACK = [
  `cd ${PROXY_PATHS.home} || exit 8`,
  'to=$(readlink confirmed || echo bootstrap); links=current',
  MOVE,
  SWEEP,
  `if [ -e "$to/${ADDRESSES_FILE}" ]; then sh routes "$to/${ADDRESSES_FILE}" || exit 6; fi`,
].join('\n')

/** `$1` group that may reach the sockets, or nothing. Prints the name of this container's socket, and whether names can have addresses. */
const CONTACT = [
  `cat ${PROXY_PATHS.socketName} || exit 7`,
  `[ ! -e ${PROXY_PATHS.home}/routes ] || echo names`,
  `[ -n "$1" ] || exit 0`,
  `chgrp "$1" ${PROXY_PATHS.sockets} ${PROXY_PATHS.sockets}/*.sock; chmod 2750 ${PROXY_PATHS.sockets}`,
].join('\n')

/**
 * `$1` ports in hexadecimal, joined by `|`; `$2` and `$3` addresses of each family, as the kernel prints them, one a line. Prints where something
 * listens, and of the addresses those that are the server's.
 */
const SOCKETS = [
  `sed -n 's/^ *[0-9]*: \\([0-9A-F]*:[0-9A-F]*\\) [0-9A-F:]* 0A .*/\\1/p' /proc/net/tcp /proc/net/tcp6 | grep -E ":($1)$"`,
  `sed -n '/|-- /{s/.*|-- //;h;};/host LOCAL/{x;p;x;}' /proc/net/fib_trie | sort -u | grep -xF "$2"`,
  'cut -c1-32 /proc/net/if_inet6 | grep -xF "$3"',
  'true',
].join('\n')

/** Makes its sockets reachable for the group and tells the name of its own; null: it has none yet. Problems: PROXY_ABSENT and those of any call. */
export async function contactProxy(
  engine: Engine,
  containerId: string,
  group: number | null,
  signal: AbortSignal,
): Promise<Result<{ readonly socketName: string | null; readonly hasNames: boolean }>> {
  const what = 'reach the proxy'
  const ran = await run(engine, containerId, [CONTACT, group === null ? '' : String(group)], what, signal)
  if (!ran.ok) return ran
  const { output } = ran.value
  return ok({ socketName: /^([0-9a-f]{8,12})$/m.exec(output)?.[1] ?? null, hasNames: /^names$/m.test(output) })
}

/** The digest of the table that it starts with; null: none yet. Problems: PROXY_ABSENT and those of any call. */
export async function currentTable(
  engine: Engine,
  containerId: string,
  signal: AbortSignal,
): Promise<Result<string | null>> {
  const path = `/containers/${segment(containerId)}/archive`
  const call = { method: 'HEAD', path, query: { path: PROXY_PATHS.current }, lane: 'read' } as const
  const answer = await engine.call(call, signal)
  if (!answer.ok) return isGone(answer.problem) ? ok(null) : fail(toProblem(answer.problem, asked(engine)))
  const stat = answer.value.headers['x-docker-container-path-stat']
  try {
    const target = at(JSON.parse(Buffer.from(String(stat), 'base64').toString('utf8')), 'linkTarget')
    return ok(/\/tables\/([0-9a-f]{20})$/.exec(String(target))?.[1] ?? null)
  } catch {
    return ok(null)
  }
}

function isGone(failure: { readonly kind: string; readonly status?: number }): boolean {
  return failure.kind === 'refused' && failure.status === 404
}

function asked(engine: Engine) {
  return { server: engine.server, what: 'look at the files of the proxy' }
}

/** Puts a table beside the others, lets HAProxy check it, and makes it what the links lead to. Problems: PROXY_REFUSED, PROXY_ABSENT. */
export async function deliverTable(
  engine: Engine,
  containerId: string,
  table: { readonly digest: string; readonly files: readonly ProxyFile[] },
  links: readonly Link[],
  signal: AbortSignal,
): Promise<Result<null>> {
  const archive = await packTable(table)
  const path = `/containers/${segment(containerId)}/archive`
  const put = await engine.call(
    { method: 'PUT', path, query: { path: PROXY_PATHS.home }, archive, lane: 'change' },
    signal,
  )
  if (!put.ok) {
    const problem = toProblem(put.problem, { server: engine.server, what: 'give the proxy its files' })
    return fail(isGone(put.problem) ? absent(engine, problem.message) : problem)
  }
  const what = 'check the configuration of the proxy'
  const ran = await run(engine, containerId, [CHECK_AND_MOVE, table.digest, links.join(' ')], what, signal)
  if (!ran.ok) return ran
  if (ran.value.code === 6)
    return fail(refused(engine, `names have no addresses: ${ran.value.output.trim().slice(-300)}`))
  if (ran.value.code === 9) return fail(refused(engine, alertIn(ran.value.output)))
  return ran.value.code === 0 ? ok(null) : fail(absent(engine, `its files cannot be changed (${ran.value.output})`))
}

async function packTable(table: { readonly digest: string; readonly files: readonly ProxyFile[] }): Promise<Buffer> {
  const archive = pack()
  for (const { name, content, isSecret } of table.files) {
    const header = { name: `tables/${table.digest}/${name}`, mode: isSecret ? 0o600 : 0o644, mtime: new Date(0) }
    archive.entry({ ...header, type: 'file' }, content)
  }
  return finished(archive)
}

/** It was seen to run with it. */
export function confirmTable(
  engine: Engine,
  containerId: string,
  digest: string,
  signal: AbortSignal,
): Promise<Result<unknown>> {
  return run(engine, containerId, [CONFIRM, digest], 'note what the proxy runs with', signal)
}

/** What it starts with is again what it was last seen to run with. */
export function takeBackTable(engine: Engine, containerId: string, signal: AbortSignal): Promise<Result<unknown>> {
  return run(engine, containerId, [TAKE_BACK], 'take a configuration of the proxy back', signal)
}

/** What of the server's addresses and ports speaks about these, as the kernel prints it. */
export async function socketsOn(
  engine: Engine,
  containerId: string,
  wanted: readonly Listener[],
  signal: AbortSignal,
): Promise<Result<string>> {
  const ports = wanted.map(({ port }) => port.toString(16).toUpperCase().padStart(4, '0')).join('|')
  const own = wanted.flatMap(({ address }) => (address === '' ? [] : [localName(address)]))
  const args = [ports, own.filter((name) => name.includes('.')).join('\n'), own.join('\n')]
  const ran = await run(engine, containerId, [SOCKETS, ...args], 'see which ports are free', signal)
  return ran.ok ? ok(ran.value.output) : ran
}

async function run(
  engine: Engine,
  containerId: string,
  [script = '', ...args]: readonly string[],
  what: string,
  signal: AbortSignal,
): Promise<Result<{ readonly code: number; readonly output: string }>> {
  const body = { Cmd: ['sh', '-c', script, 'sh', ...args], User: '0' }
  const done = await execute(engine, containerId, body, { what, timeoutMs: engine.limits.proxyReloadMs }, signal)
  return done.kind === 'exited' ? ok(done) : fail(notRun(engine, done, what))
}

function notRun(engine: Engine, done: Exclude<Executed, { readonly kind: 'exited' }>, what: string): Problem {
  switch (done.kind) {
    case 'late':
      return absent(engine, `it took too long to ${what}`)
    case 'unknown':
      return absent(engine, `could not ${what}: ${done.why}`)
    case 'refused': {
      const problem = toProblem(done.failure, { server: engine.server, what })
      // 404: it is not there; 409: it does not run.
      const isAbsent = done.failure.kind === 'refused' && [404, 409].includes(done.failure.status)
      return isAbsent ? absent(engine, problem.message) : problem
    }
  }
}

export function absent(engine: Engine, why: string): Problem {
  const message = `the proxy on server ${engine.server} does not answer: ${why}`
  return { code: 'PROXY_ABSENT', message, server: engine.server }
}

export function refused(engine: Engine, why: string): Problem {
  const message = `the proxy on server ${engine.server} refuses its configuration: ${why}; what it had goes on`
  return { code: 'PROXY_REFUSED', message, server: engine.server }
}

const NO_REASON = /fatal errors? found|error\(s\) found|some protocols failed|failed to load worker/i

/** What HAProxy says is wrong, in one line. */
export function alertIn(output: string): string {
  const alerts = output
    .split('\n')
    .flatMap((line) => /^\[ALERT\]\s*(?:\([0-9]+\)\s*:)?\s*(.*)$/.exec(line.trim())?.[1] ?? [])
  const said = alerts.find((line) => !NO_REASON.test(line)) ?? alerts[0] ?? output.trim().split('\n').at(-1) ?? ''
  const held = /cannot bind socket \(Address (?:family not supported|already in use).*?\) for \[(.*):([0-9]+)\]/.exec(
    said,
  )
  if (held === null) return said.slice(0, 500) || 'it does not say why'
  return `port ${held[2]} is held by something else there (HAProxy: ${said.slice(0, 300)})`
}
