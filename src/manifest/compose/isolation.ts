import { compareText } from '../../model/index.js'
import type { IsolationSpec } from '../../model/index.js'
import { readNamedFile } from '../named-file.js'
import type { Node } from '../node.js'
import { entries, get, items, quoted, textOf } from '../node.js'
import { readText } from '../read.js'
import { MOST_FILE_BYTES, decodeText, didYouMean } from '../text.js'
import type { StackContext } from './context.js'
import { flag, groupOf, readSettings, sorted, text, textLike, texts } from './settings.js'
import type { Read, Readers } from './settings.js'

const ISOLATION: Readers<IsolationSpec> = {
  ipc: joinable(/^(host|private|shareable|none)$/, 'host, private, shareable, none, service:name or container:name'),
  pid: joinable(/^host$/, 'host, service:name or container:name'),
  uts: textLike(/^host$/, 'host'),
  cgroup: textLike(/^(host|private)$/, 'host or private'),
  cgroupParent: text,
  usernsMode: textLike(/^host$/, 'host'),
  isolation: textLike(/^(default|process|hyperv)$/, 'default, process or hyperv'),
  privileged: flag,
  securityOpt: (node, context) => {
    const options = items(node)
      .map((item) => securityOption(item, context))
      .filter((option) => option !== null)
    return options.length > 0 ? [...new Set(options)].sort(compareText) : undefined
  },
  groupAdd: sorted(texts),
}

/** Which walls stand between the container and its host. */
export function readIsolation(service: Node, context: StackContext): IsolationSpec | undefined {
  const isolation = readSettings(service, ISOLATION, context) ?? {}
  const credentials = readCredentialSpec(get(service, 'credential_spec'), context)
  if (credentials === null) return groupOf(isolation)
  return { ...isolation, securityOpt: [...(isolation.securityOpt ?? []), credentials].sort(compareText) }
}

/** A mode that can also name another service or container. */
function joinable(pattern: RegExp, expected: string): Read<string> {
  const plain = textLike(pattern, expected)
  return (node, context) => joinedMode(node, context) ?? (isJoin(textOf(node)) ? undefined : plain(node, context))
}

function isJoin(mode: string): boolean {
  return /^(service|container):/.test(mode)
}

/** `service:name` of a declared service, or `container:name`; undefined for anything else. */
export function joinedMode(node: Node, context: StackContext): `service:${string}` | `container:${string}` | undefined {
  const [, kind, said = ''] = /^(service|container):(.*)$/s.exec(textOf(node)) ?? []
  if (kind === undefined) return undefined
  // By its `container_name` a service of the same stack is meant.
  const own = kind === 'container' ? context.declared.containerNames.get(said) : said
  const name = own ?? said
  if (own === undefined) {
    if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) return `container:${name}`
    context.report.error('NAME_INVALID', node, `${quoted(name)} is no container name; write container:name`)
    return undefined
  }
  const { services } = context.declared
  if (services.has(name) && node.path[1] !== name) return `service:${name}`
  const message = services.has(name)
    ? 'a service cannot join itself; name another one'
    : `the service ${quoted(name)} is not declared${didYouMean(name, services.keys())}`
  context.report.error('REFERENCE_UNKNOWN', node, message)
  return undefined
}

/** As Docker's own command line takes them: `name=value` or `name:value`; a profile of seccomp is sent as it is, not by its path. */
function securityOption(node: Node, context: StackContext): string | null {
  const [, name = '', value] = /^([a-z-]+)(?:[=:](.+))?$/s.exec(textOf(node)) ?? []
  if (name === 'no-new-privileges') return value === undefined ? name : `${name}=${value}`
  if (name === '' || value === undefined) {
    context.report.error(
      'FIELD_INVALID',
      node,
      `found ${quoted(textOf(node))}, expected an option such as no-new-privileges or apparmor=docker-default`,
    )
    return null
  }
  if (name !== 'seccomp' || value === 'unconfined' || value === 'builtin') return `${name}=${value}`
  return seccompProfile(value, node, context)
}

function seccompProfile(path: string, node: Node, context: StackContext): string | null {
  const found = readNamedFile(path, context.directory, node, context.reader, context.report)
  const profile = found === null ? null : decodeText(found.bytes, MOST_FILE_BYTES, context.report.in(found.path))
  if (found === null || profile === null) return null
  try {
    return `seccomp=${JSON.stringify(JSON.parse(profile))}`
  } catch {
    context.report.error('FIELD_INVALID', node, `${quoted(found.path)} is no seccomp profile: it is not JSON`)
    return null
  }
}

const CREDENTIALS: Readonly<Record<string, string>> = {
  file: 'credentialspec=file://',
  registry: 'credentialspec=registry://',
}

/** Managed accounts of Windows; the engine takes them as a security option. */
function readCredentialSpec(node: Node | undefined, context: StackContext): string | null {
  if (node === undefined) return null
  const [said, ...more] = entries(node).filter(([key]) => readText(node, key) !== null)
  if (said === undefined || more.length > 0) {
    context.report.error('FIELD_INVALID', node, 'expected exactly one of file, registry and config')
    return null
  }
  const [key, { value }] = said
  if (key !== 'config') return `${CREDENTIALS[key] ?? ''}${textOf(value)}`
  const config = context.declared.configs.get(textOf(value))
  if (config !== undefined && config !== null)
    return `credentialspec=raw://${Buffer.from(config.contentBase64, 'base64').toString('utf8')}`
  if (config === undefined)
    context.report.error(
      'REFERENCE_UNKNOWN',
      value,
      `the config ${quoted(textOf(value))} is not declared${didYouMean(textOf(value), context.declared.configs.keys())}`,
    )
  return null
}
