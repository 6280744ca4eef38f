import { OTHER_SPEC, compareText, contentHash, specHash } from '../model/index.js'
import type {
  Cause,
  FileSpec,
  HealthcheckSpec,
  MountSpec,
  NetworkAttachment,
  PortSpec,
  RestartPolicy,
  ServiceSpec,
  ShippedFile,
} from '../model/index.js'
import { entries, items, keyed, oneValue, value } from './differ.js'
import type { Differ } from './differ.js'
import { hookCauses } from './hook-causes.js'
import { formatHostPort } from './host-ports.js'
import { settings, snakeCase } from './settings-causes.js'
import { formatDuration, formatMode, showArguments } from './show-value.js'

/** How each field is compared; null: outside the spec hash, so never a reason to replace. A new field does not compile until it is here. */
export const SPEC_DIFFERS: Readonly<Record<keyof ServiceSpec, Differ | null>> = Object.freeze({
  stack: value('stack', (spec) => spec.stack),
  name: value('name', (spec) => spec.name),
  image: value('image', (spec) => spec.image),
  command: value('command', ({ command }) => command && showArguments(command)),
  entrypoint: value('entrypoint', ({ entrypoint }) => entrypoint && showArguments(entrypoint)),
  environment: entries('environment', (spec) => spec.environment),
  labels: entries('labels', (spec) => spec.labels),
  ports: items('ports', (spec) => spec.ports.map(formatPort)),
  mounts: keyed('volumes', (spec) => spec.mounts.map((mount) => [mount.target, formatMount(mount)] as const)),
  networks: keyed('networks', (spec) =>
    spec.networks.map((attachment) => [attachment.network, formatAttachment(attachment)] as const),
  ),
  networkMode: value('network_mode', (spec) => spec.networkMode),
  files: (before, after) => fileCauses(before.files, after.files),
  healthcheck: (before, after) => healthcheckCauses(before.healthcheck, after.healthcheck),
  restart: value('restart', ({ restart }) => formatRestart(restart)),
  stopSignal: value('stop_signal', (spec) => spec.stopSignal),
  stopGraceMs: value('stop_grace_period', (spec) => formatDuration(spec.stopGraceMs)),
  user: value('user', (spec) => spec.user),
  workingDir: value('working_dir', (spec) => spec.workingDir),
  init: value('init', ({ init }) => (init === null ? null : String(init))),
  readOnly: value('read_only', (spec) => String(spec.readOnly)),
  capAdd: items('cap_add', (spec) => spec.capAdd),
  capDrop: items('cap_drop', (spec) => spec.capDrop),
  ulimits: keyed('ulimits', (spec) =>
    spec.ulimits.map(({ name, soft, hard }) => [name, soft === hard ? `${soft}` : `${soft}:${hard}`] as const),
  ),
  sysctls: entries('sysctls', (spec) => spec.sysctls),
  extraHosts: items('extra_hosts', (spec) => spec.extraHosts),
  hostname: value('hostname', (spec) => spec.hostname),
  logging: (before, after) => [
    ...value('logging.driver', ({ logging }) => logging?.driver ?? null)(before, after),
    ...entries('logging.options', ({ logging }) => logging?.options ?? {})(before, after),
  ],
  tuning: settings((spec) => spec.tuning),
  isolation: settings((spec) => spec.isolation),
  devices: settings((spec) => spec.devices),
  naming: settings((spec) => spec.naming),
  execution: settings((spec) => spec.execution),
  hooks: hookCauses,
  pullPolicy: null,
  mode: null,
  replicas: null,
  limits: null,
  reservations: null,
  placement: null,
  update: null,
  rollback: null,
  rollout: null,
  dependsOn: null,
  probe: null,
  balanced: null,
  routes: null,
  exported: null,
  restartAt: null,
})

/**
 * What differs between two specs, in Compose's words, sorted by field. Values that look secret are hidden, those of secrets never shown.
 * Never empty: specs that differ in a way no field can name are told apart by their hashes.
 */
export function specCauses(before: ServiceSpec, after: ServiceSpec): readonly Cause[] {
  const known = compared.get(before)
  if (known?.after === after) return known.causes
  const causes = compareSpecs(before, after)
  compared.set(before, { after, causes })
  return causes
}

/** A rollout compares the same two specs at every turn, once for each slot. */
const compared = new WeakMap<ServiceSpec, { readonly after: ServiceSpec; readonly causes: readonly Cause[] }>()

function compareSpecs(before: ServiceSpec, after: ServiceSpec): readonly Cause[] {
  const causes = Object.values(SPEC_DIFFERS).flatMap((differ) => differ?.(before, after) ?? [])
  if (causes.length === 0) return [unknownSpecCause(specHash(before), specHash(after))]
  return causes.sort(
    (a, b) =>
      compareText(a.field, b.field) || compareText(a.from ?? '', b.from ?? '') || compareText(a.to ?? '', b.to ?? ''),
  )
}

/** Where the old spec is not known any more. */
export function unknownSpecCause(before: string, after: string): Cause {
  if (before === OTHER_SPEC)
    return { field: 'spec', from: null, to: null, note: 'taken over, and not as the stack wants it' }
  return { field: 'spec', from: before.slice(0, 8), to: after.slice(0, 8) }
}

function formatPort({ target, published, protocol, hostIp }: PortSpec): string {
  const suffix = protocol === 'tcp' ? '' : `/${protocol}`
  if (published === null) return `${hostIp === '' ? '' : `${hostIp}::`}${target}${suffix}`
  return `${formatHostPort({ hostIp, port: published, protocol: 'tcp' })}:${target}${suffix}`
}

function formatMount(mount: MountSpec): string {
  const access = mount.readOnly ? ' (read-only)' : ''
  switch (mount.kind) {
    case 'volume':
      return `${mount.source}${mount.subpath === undefined ? '' : `/${mount.subpath}`}${access}${mount.noCopy ? ' (nocopy)' : ''}`
    case 'bind':
      return [`${mount.source}${access}`, mount.propagation, mount.selinux, mount.recursive]
        .filter((part) => part !== null && part !== undefined)
        .map((part, index) => (index === 0 ? part : `(${part})`))
        .join(' ')
    case 'shipped':
      return `${mount.source} (${filesHash(mount.files)})${access}`
    case 'anonymous':
      return `an anonymous volume${access}`
    case 'image':
      return `the image ${mount.source}${mount.subpath === undefined ? '' : `, ${mount.subpath}`}${access}`
    case 'tmpfs':
      return `tmpfs${mount.sizeBytes === null ? '' : ` size=${mount.sizeBytes}`}${mount.mode === null ? '' : ` mode=${formatMode(mount.mode)}`}${(mount.options ?? []).map((option) => ` ${option}`).join('')}${access}`
  }
}

/** Tells two versions of a folder apart. */
function filesHash(files: readonly ShippedFile[]): string {
  const text = files.map(({ path, mode, contentBase64 }) => `${path} ${mode} ${contentBase64}`).join('\n')
  return contentHash(Buffer.from(text).toString('base64'))
}

/** What is said of it beyond being attached, in Compose's words. */
function formatAttachment({ network: _, aliases, driverOpts, ...rest }: NetworkAttachment): string {
  const said = [
    aliases.length === 0 ? '' : `aliases ${aliases.join(', ')}`,
    ...Object.entries({ ...rest, ...driverOpts }).map(([name, value]) => `${snakeCase(name)}=${String(value)}`),
  ].filter((part) => part !== '')
  return said.length === 0 ? 'attached' : said.join(' ')
}

function formatRestart({ condition, maxAttempts }: RestartPolicy): string {
  return condition === 'on-failure' && maxAttempts > 0 ? `on-failure:${maxAttempts}` : condition
}

function healthcheckCauses(before: HealthcheckSpec | null, after: HealthcheckSpec | null): readonly Cause[] {
  const time = (ms: number | null | undefined) => (ms === null || ms === undefined ? null : formatDuration(ms))
  const test = (check: HealthcheckSpec | null) => (check?.test ? formatTest(check.test) : null)
  const retries = (check: HealthcheckSpec | null) =>
    check?.retries === null || check?.retries === undefined ? null : String(check.retries)
  return [
    ...oneValue('healthcheck.test', test(before), test(after)),
    ...oneValue('healthcheck.interval', time(before?.intervalMs), time(after?.intervalMs)),
    ...oneValue('healthcheck.timeout', time(before?.timeoutMs), time(after?.timeoutMs)),
    ...oneValue('healthcheck.retries', retries(before), retries(after)),
    ...oneValue('healthcheck.start_period', time(before?.startPeriodMs), time(after?.startPeriodMs)),
    ...oneValue('healthcheck.start_interval', time(before?.startIntervalMs), time(after?.startIntervalMs)),
  ]
}

function formatTest(test: readonly string[]): string {
  const [form, ...rest] = test
  return form === 'CMD-SHELL' ? rest.join(' ') : form === 'CMD' ? showArguments(rest) : test.join(' ')
}

/** Files are told apart by name, and by target where a name is mounted twice. */
function fileCauses(before: readonly FileSpec[], after: readonly FileSpec[]): readonly Cause[] {
  const names = [...before, ...after].map((file) => `${file.kind}s.${file.name}`)
  return [...new Set(names)].flatMap((name) => {
    const [had, has] = [before, after].map((files) => files.filter((file) => `${file.kind}s.${file.name}` === name))
    if (had === undefined || has === undefined) return []
    const [from, to] = [had[0], has[0]]
    if (had.length <= 1 && has.length <= 1) return fileCause(name, from, to)
    const targets = new Set([...had, ...has].map((file) => file.target))
    const at = (files: readonly FileSpec[], target: string) => files.find((file) => file.target === target)
    return [...targets].flatMap((target) => fileCause(`${name} at ${target}`, at(had, target), at(has, target)))
  })
}

function fileCause(field: string, before: FileSpec | undefined, after: FileSpec | undefined): readonly Cause[] {
  if (before === undefined || after === undefined) {
    const source = (before ?? after)?.source ?? ''
    return before === after
      ? []
      : [{ field, from: null, to: null, note: `${before === undefined ? 'added' : 'removed'} (${source})` }]
  }
  return [
    ...contentCause(field, before, after),
    ...oneValue(`${field} target`, before.target, after.target),
    ...oneValue(`${field} mode`, formatMode(before.mode), formatMode(after.mode)),
    ...oneValue(`${field} owner`, `${before.uid}:${before.gid}`, `${after.uid}:${after.gid}`),
  ]
}

/** Not even a hash of a secret is shown: a short one could be guessed from it. */
function contentCause(field: string, before: FileSpec, after: FileSpec): readonly Cause[] {
  if (before.contentBase64 === after.contentBase64) return []
  if (after.kind === 'secret') return [{ field: `${field} content`, from: null, to: null, note: 'changed' }]
  return [
    {
      field: `${field} content`,
      from: contentHash(before.contentBase64),
      to: contentHash(after.contentBase64),
      note: after.source,
    },
  ]
}
