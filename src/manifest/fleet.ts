import { GUARD_DEFAULTS, LOST_AFTER_DEFAULT_MS, compareText } from '../model/index.js'
import type { Address, Fleet, GuardName, Guards, HostKey, Server, SignedBy } from '../model/index.js'
import { GUARDS } from '../payload/index.js'
import { parseAddress } from './address.js'
import type { FileReader } from './files.js'
import { readIngress } from './ingress.js'
import { readNamedFile } from './named-file.js'
import type { Node } from './node.js'
import { entries, get, isBroken, items, keyOf, quoted, textNode, textOf } from './node.js'
import { parseBoolean } from './quantities.js'
import { DURATIONS, readDuration, readText, requireText } from './read.js'
import type { Report } from './report.js'
import { refuseReserved } from './reserved-name.js'
import { MOST_FILE_BYTES, decodeText } from './text.js'
import { readWindows } from './windows.js'

export const STACKS_DEFAULT = 'stacks/*'
export const SSH_DEFAULTS = Object.freeze({ user: 'root', port: 22, socketPath: '/var/run/docker.sock' })
const MOST_SERVERS = 1_000

export interface StackPattern {
  readonly pattern: string
  readonly node: Node | null
  /** What the mapping form says for the stacks that match. */
  readonly settings: StackOverlay
}

export interface StackOverlay {
  /** Null to look for the files as Compose does. */
  readonly files: readonly Node[] | null
  readonly env: ReadonlyMap<string, string>
  /** Null for those of COMPOSE_PROFILES. */
  readonly profiles: readonly string[] | null
}

export const NO_OVERLAY: StackOverlay = Object.freeze({ files: null, env: new Map(), profiles: null })

/** slipway.yaml that passed its schema. Every problem is in the report; with one, the result is not to be used. */
export function readFleet(root: Node, reader: FileReader, report: Report): Fleet {
  const declared = entries(get(root, 'servers'))
  const spot = keyOf(root, 'servers') ?? root
  if (declared.length === 0 && root.kind === 'map' && !isBroken(root, 'servers'))
    report.error('FLEET_EMPTY', spot, 'the fleet has no servers; add one under `servers:` with its `address:`')
  for (const [name] of declared) refuseReserved(name, keyOf(get(root, 'servers'), name) ?? spot, report)
  if (declared.length > MOST_SERVERS)
    report.error('VALUE_OUT_OF_RANGE', spot, `${declared.length} servers are too many; at most ${MOST_SERVERS}`)
  const servers = declared
    .slice(0, MOST_SERVERS)
    .map(([name, { value }]) => ({ node: value, server: readServer(name, value, reader, report) }))
  reportTwins(servers, report)
  const windows = get(root, 'windows')
  const ingress = readIngress(get(root, 'ingress'), report)
  if (ingress !== null) warnOfUnmeshed(servers, report)
  return {
    name: requireText(root, 'fleet', report) ?? '',
    servers: servers.map(({ server }) => server).sort((a, b) => compareText(a.name, b.name)),
    guards: readGuards(get(root, 'guards')),
    ...(windows === undefined ? {} : { windows: readWindows(windows, report) }),
    ...(ingress === null ? {} : { ingress }),
  }
}

export function readStackPatterns(root: Node): readonly StackPattern[] {
  const node = get(root, 'stacks')
  if (node === undefined) return [{ pattern: STACKS_DEFAULT, node: null, settings: NO_OVERLAY }]
  if (node.kind === 'map')
    return entries(node).map(([pattern, { key, value }]) => ({
      pattern,
      node: textNode(key, pattern),
      settings: readOverlay(value),
    }))
  const nodes = node.kind === 'list' ? items(node) : [node]
  return nodes.map((one) => ({ pattern: textOf(one), node: one, settings: NO_OVERLAY }))
}

function readOverlay(node: Node): StackOverlay {
  const [files, profiles] = [items(get(node, 'files')), get(node, 'profiles')]
  return {
    files: files.length === 0 ? null : files,
    env: new Map(entries(get(node, 'env')).map(([name, { value }]) => [name, textOf(value)])),
    profiles: profiles === undefined ? null : items(profiles).map(textOf),
  }
}

function readServer(name: string, node: Node, reader: FileReader, report: Report): Server {
  const address = readAddress(node, report)
  return {
    name,
    address,
    hostKey: address.kind === 'local' ? localHostKey(node, report) : readHostKey(name, node, reader, report),
    labels: Object.fromEntries(
      entries(get(node, 'labels'))
        .map(([key, { value }]) => [key, textOf(value)] as const)
        .sort(([a], [b]) => compareText(a, b)),
    ),
    lostAfterMs: readLostAfter(node, report),
  }
}

function readAddress(node: Node, report: Report): Address {
  const engine = readText(node, 'engine')
  const socketPath = engine?.replace(/^unix:\/\//, '') ?? SSH_DEFAULTS.socketPath
  const address = get(node, 'address')
  if (address === undefined) {
    const isReported =
      isBroken(node, 'address') || isBroken(node, 'engine') || (node.kind === 'scalar' && node.broken === true)
    if (engine === null && !isReported)
      report.error(
        'FIELD_MISSING',
        node,
        "the server has no `address:`; for an engine on the controller's own machine write `engine: unix:///var/run/docker.sock`",
      )
    for (const key of ['user', 'port']) {
      const spot = keyOf(node, key)
      if (spot !== undefined && engine !== null)
        report.warn('FIELD_IGNORED', spot, 'ignored: a local engine is reached without ssh')
    }
    return { kind: 'local', socketPath }
  }
  const parts = parseAddress(textOf(address))
  if (!parts.ok) {
    report.error('FIELD_INVALID', address, parts.problem)
    return { kind: 'local', socketPath }
  }
  const portNode = get(node, 'port')
  const port = portNode === undefined ? null : Number(textOf(portNode))
  const user = readText(node, 'user')
  if (port !== null && parts.value.port !== null && port !== parts.value.port)
    report.error('CONFLICT', portNode ?? node, `the address says port ${parts.value.port}; keep one of them`)
  if (user !== null && parts.value.user !== null && user !== parts.value.user)
    report.error(
      'CONFLICT',
      get(node, 'user') ?? node,
      `the address says user ${quoted(parts.value.user)}; keep one of them`,
    )
  return {
    kind: 'ssh',
    host: parts.value.host,
    port: parts.value.port ?? port ?? SSH_DEFAULTS.port,
    user: parts.value.user ?? user ?? SSH_DEFAULTS.user,
    socketPath,
  }
}

function localHostKey(node: Node, report: Report): HostKey {
  for (const key of ['host_key', 'known_hosts']) {
    const spot = keyOf(node, key)
    if (spot !== undefined) report.warn('FIELD_IGNORED', spot, 'ignored: a local engine is reached without ssh')
  }
  return { kind: 'none' }
}

const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}=?$/

function readHostKey(name: string, node: Node, reader: FileReader, report: Report): HostKey {
  const key = get(node, 'host_key')
  const knownHosts = get(node, 'known_hosts')
  if (key !== undefined && knownHosts !== undefined)
    report.error(
      'CONFLICT',
      keyOf(node, 'known_hosts') ?? knownHosts,
      '`host_key` and `known_hosts` exclude each other; keep one of them',
    )
  if (key !== undefined) return readFingerprints(key.kind === 'list' ? items(key) : [key], report)
  if (knownHosts !== undefined) return readKnownHosts(knownHosts, reader, report)
  if (!isBroken(node, 'host_key') && !isBroken(node, 'known_hosts'))
    report.warn(
      'HOST_KEY_UNKNOWN',
      node,
      `no host key is pinned, so the server will be refused; \`slipway server check ${name}\` shows its fingerprint for \`host_key:\``,
    )
  return { kind: 'none' }
}

function readFingerprints(nodes: readonly Node[], report: Report): HostKey {
  for (const node of nodes) {
    if (!FINGERPRINT.test(textOf(node)))
      report.error(
        'FIELD_INVALID',
        node,
        `${quoted(textOf(node))} is no fingerprint; write what \`ssh-keygen -lf\` prints: SHA256: and 43 characters`,
      )
  }
  // OpenSSH prints fingerprints without padding.
  return {
    kind: 'fingerprints',
    fingerprints: [...new Set(nodes.map((node) => textOf(node).replace(/=$/, '')))].sort(compareText),
  }
}

function readKnownHosts(node: Node, reader: FileReader, report: Report): HostKey {
  const file = readNamedFile(textOf(node), '', node, reader, report)
  if (file === null) return { kind: 'none' }
  const content = decodeText(file.bytes, MOST_FILE_BYTES, report.in(file.path))
  return content === null ? { kind: 'none' } : { kind: 'known-hosts', content, path: file.path }
}

function readLostAfter(node: Node, report: Report): number | null {
  if (readText(node, 'lost_after') === 'never') return null
  return readDuration(node, 'lost_after', report, { ...DURATIONS, min: 10_000 }) ?? LOST_AFTER_DEFAULT_MS
}

function readGuards(node: Node | undefined): Guards {
  const prune = readText(node, 'prune')
  const share = prune === null ? GUARD_DEFAULTS.prune : Math.min(Number(prune.replace('%', '')) / 100, 1)
  const names = (key: 'allow' | 'deny'): Pick<Guards, 'allow' | 'deny'> => {
    const listed = items(get(node, key)).map(textOf).filter(isGuard)
    return listed.length > 0 ? { [key]: [...new Set(listed)].sort(compareText) } : {}
  }
  const signedBy = get(node, 'signed_by')
  return {
    prune: share,
    history: readText(node, 'history') === 'any' ? 'any' : GUARD_DEFAULTS.history,
    ...names('allow'),
    ...names('deny'),
    ...(signedBy === undefined ? {} : { signedBy: readSignedBy(signedBy) }),
    ...(readText(node, 'plan') === 'pinned' ? { plan: 'pinned' } : {}),
  }
}

function isGuard(name: string): name is GuardName {
  return Object.hasOwn(GUARDS, name)
}

/** `head`, or a mapping that says more. */
function readSignedBy(node: Node): SignedBy {
  const isShort = node.kind === 'scalar'
  const what = isShort ? textOf(node) : readText(node, 'commits')
  return {
    what: what === 'every' || what === 'tag' ? what : 'head',
    signers: isShort ? [] : items(get(node, 'signers')).map(textOf),
    approve: !isShort && parseBoolean(readText(node, 'approve') ?? 'false') === true,
  }
}

/** Proxies reach each other by addresses. */
function warnOfUnmeshed(servers: readonly { readonly node: Node; readonly server: Server }[], report: Report): void {
  if (servers.length < 2) return
  for (const { node, server } of servers)
    if (server.address.kind === 'local')
      report.warn(
        'FIELD_MISSING',
        node,
        'with ingress, other servers cannot send to replicas here: the server has no `address:` that they know',
      )
}

/** Two names for one engine would fight over its containers. */
function reportTwins(servers: readonly { readonly node: Node; readonly server: Server }[], report: Report): void {
  const seen = new Map<string, string>()
  for (const { node, server } of servers) {
    const { address } = server
    if (address.kind === 'local' && get(node, 'engine') === undefined) continue
    const where =
      address.kind === 'local' ? address.socketPath : `${address.host}:${address.port} ${address.socketPath}`
    const twin = seen.get(where)
    if (twin !== undefined)
      report.error('CONFLICT', node, `it has the same address as ${quoted(twin)}; keep one of them`)
    else seen.set(where, server.name)
  }
}
