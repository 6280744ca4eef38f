import { readFileSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { fail, ok } from '../model/index.js'
import type { Problem, Result, SignedBy } from '../model/index.js'
import { readAcme } from './acme-settings.js'
import type { AcmeSecrets } from './acme-settings.js'
import { readForge } from './forge-settings.js'
import type { ForgeSettings } from './forge-settings.js'
import { readGitHttp } from './git-http.js'
import type { GitHttpSettings } from './git-http.js'
import { SETTINGS } from './setting-table.js'
import type { SettingName, SettingRow } from './setting-table.js'

export interface RegistryLogin {
  readonly username: string
  readonly password: string
}

/** A secret with the name of its file or variable, for messages. */
export interface SecretFile {
  readonly content: string
  readonly path: string
}

/** Everything that is set from outside, read and checked once. Times in ms. */
export interface Settings {
  readonly repo: string | null
  readonly ref: { readonly branch: string } | { readonly tag: string }
  readonly path: string | null
  readonly dataDir: string
  readonly pollMs: number
  readonly observeMs: number
  readonly allowPlainHttp: boolean
  readonly logFormat: 'auto' | 'text' | 'json'
  readonly git: { readonly username?: string; readonly password: string } | null
  readonly signers: { readonly allowed: string; readonly revoked: string }
  readonly signedBy: SignedBy | null
  /** Sent to the origin of the repository's address only. `proxy` null: none. */
  readonly gitHttp: GitHttpSettings
  /** Fingerprints of the repository's host, when it is reached over ssh. Empty: those of known_hosts. */
  readonly gitHostKeys: readonly string[]
  /** Null: commits that are made here are not signed. */
  readonly signingKey: SecretFile | null
  readonly signingPassphrase: string | null
  readonly gitSshKey: SecretFile | null
  readonly gitSshPassphrase: string | null
  /** Null: the agent and the keys in ~/.ssh. */
  readonly sshKey: SecretFile | null
  readonly sshPassphrase: string | null
  readonly sshAgent: string | null
  readonly home: string
  /** Null: no port is opened. */
  readonly webhooks: { readonly listen: string; readonly secret: string } | null
  /** Null: nothing is shown anywhere. */
  readonly forge: ForgeSettings | null
  /** What certificates by ACME need beside slipway.yaml. */
  readonly acme: AcmeSecrets
  /** By registry host (`registry.example.com:5000`); Docker Hub is `docker.io`. */
  readonly registries: Readonly<Record<string, RegistryLogin>>
}

/** Where settings come from. `flags` are by flag name without dashes. */
export interface Given {
  readonly flags: Readonly<Record<string, string | boolean | undefined>>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  readonly isRoot: boolean
}

type Values = { readonly [Name in SettingName]: string | null }

/** Reads the settings: flag over environment over file over default. Every problem at once, all SETTING_INVALID. */
export function readSettings(given: Given): Result<Settings, readonly Problem[]> {
  const problems: string[] = []
  const values = readValues(given, problems)
  const settings: Settings = {
    repo: values.repo,
    ref: readRef(values, given, problems),
    path: values.path,
    dataDir: resolve(values.data ?? defaultDataDir(given)),
    pollMs: readTime('poll', values.poll, problems),
    observeMs: readTime('observe', values.observe, problems),
    allowPlainHttp: readBoolean('plainHttp', values.plainHttp, problems),
    logFormat: readLogFormat(values.logFormat, problems),
    git: readGit(values, problems),
    signers: { allowed: values.allowedSigners ?? '', revoked: values.revokedSigners ?? '' },
    signedBy: readSignedBy(values.signedBy, problems),
    gitHttp: readGitHttp(values, given.env, problems),
    gitHostKeys: readHostKeys(values.gitHostKey, problems),
    signingKey: keyOf('signingKey', values, given),
    signingPassphrase: values.signingPassphrase,
    gitSshKey: keyOf('gitSshKey', values, given),
    gitSshPassphrase: values.gitSshPassphrase,
    sshKey: keyOf('sshKey', values, given),
    sshPassphrase: values.sshPassphrase,
    sshAgent: given.env.SSH_AUTH_SOCK ?? null,
    home: given.home,
    webhooks: readWebhooks(values, problems),
    forge: readForge(values, problems),
    acme: readAcme(values, problems),
    registries: readRegistries(values.registryAuth, given, problems),
  }
  if (problems.length === 0) return ok(settings)
  return fail(problems.map((message): Problem => ({ code: 'SETTING_INVALID', message })))
}

function readValues(given: Given, problems: string[]): Values {
  const file = readConfigFile(given, problems)
  const read = (row: SettingRow): string | null =>
    flagOf(row, given) ?? environmentOf(row, given, problems) ?? fileValue(row, file, problems) ?? row.fallback
  return Object.fromEntries(Object.entries(SETTINGS).map(([name, row]) => [name, read(row)])) as Values
}

function flagOf({ flag }: SettingRow, { flags }: Given): string | null {
  const value = flag === null ? undefined : flags[flag]
  return value === undefined ? null : String(value)
}

function environmentOf({ env: name, isSecret }: SettingRow, { env }: Given, problems: string[]): string | null {
  const value = nonEmpty(env[name])
  const path = isSecret ? nonEmpty(env[`${name}_FILE`]) : null
  if (path === null) return value
  if (value !== null) {
    problems.push(`${name} and ${name}_FILE are both set: remove one`)
    return value
  }
  return readText(path, `${name}_FILE`, problems)?.replace(/\r?\n$/, '') ?? null
}

function fileValue({ flag }: SettingRow, file: Readonly<Record<string, unknown>>, problems: string[]): string | null {
  const key = flag?.replaceAll('-', '_')
  const value = key === undefined || !Object.hasOwn(file, key) ? null : file[key]
  if (value === null) return null
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value)
  problems.push(`${key} in the configuration file must be one value, not a list or a map`)
  return null
}

const NESTED_MOST = 500

function readConfigFile(given: Given, problems: string[]): Readonly<Record<string, unknown>> {
  const path = flagOf(SETTINGS.config, given) ?? nonEmpty(given.env[SETTINGS.config.env])
  const text = path === null ? null : readText(path, 'the configuration file', problems)
  if (text === null) return {}
  try {
    // Each setting is one value. The parser takes minutes over thousands of open brackets.
    if ((text.match(/[[{]|[-?:]\s/g)?.length ?? 0) > NESTED_MOST) throw new Error('it must be a map of single values')
    const value = (parse(text, { logLevel: 'error' }) ?? {}) as unknown
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it must be a map')
    const known = Object.values(SETTINGS).flatMap(({ flag }) => (flag === null ? [] : [flag.replaceAll('-', '_')]))
    for (const key of Object.keys(value).filter((key) => !known.includes(key))) {
      problems.push(`${path}: there is no setting ${key}; there are ${known.join(', ')} (secrets come by environment)`)
    }
    return value as Readonly<Record<string, unknown>>
  } catch (error) {
    problems.push(`${path} is not usable: ${error instanceof Error ? error.message : String(error)}`)
    return {}
  }
}

function readText(path: string, what: string, problems: string[]): string | null {
  try {
    if (!statSync(path).isDirectory()) return readFileSync(path, 'utf8')
    const files = readdirSync(path, { withFileTypes: true }).filter(
      (entry) => !entry.isDirectory() && !entry.name.startsWith('.'),
    )
    return files.map(({ name }) => readFileSync(join(path, name), 'utf8')).join('\n')
  } catch (error) {
    problems.push(`${what} names ${path}, which cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`)
    return null
  }
}

/** A tag that is given where a branch is only defaulted wins; both given is a mistake. */
function readRef(values: Values, given: Given, problems: string[]): Settings['ref'] {
  const { tag, branch } = values
  if (tag === null) return { branch: branch ?? DEFAULT_BRANCH }
  const bothAsFlags = flagOf(SETTINGS.branch, given) !== null && flagOf(SETTINGS.tag, given) !== null
  if (bothAsFlags) problems.push('--branch and --tag exclude each other: give one')
  return flagOf(SETTINGS.branch, given) !== null && branch !== null ? { branch } : { tag }
}

const DEFAULT_BRANCH = 'main'

function readTime(name: 'poll' | 'observe', text: string | null, problems: string[]): number {
  const { flag, env } = SETTINGS[name]
  const ms = parseTime(text ?? '')
  if (ms !== null && ms >= 1_000 && ms <= 24 * 3_600_000) return ms
  problems.push(`--${flag} (${env}) is a time from 1s to 24h such as 90s or 5m, not ${JSON.stringify(text)}`)
  return 0
}

/** `90`, `90s`, `5m`, `1h30m` in ms; a bare number is seconds. Null when it is no time. */
export function parseTime(text: string): number | null {
  if (/^\d{1,6}$/.test(text)) return Number(text) * 1_000
  if (!/^(?:\d{1,6}(?:ms|s|m|h))+$/.test(text)) return null
  const units: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
  const parts = text.matchAll(/(\d+)(ms|s|m|h)/g)
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? 's'] ?? 0), 0)
}

function readBoolean(name: SettingName, text: string | null, problems: string[]): boolean {
  if (text === null || /^(?:false|0|no)$/i.test(text)) return false
  if (/^(?:true|1|yes)$/i.test(text)) return true
  problems.push(`${SETTINGS[name].env} is true or false, not ${JSON.stringify(text)}`)
  return false
}

function readLogFormat(text: string | null, problems: string[]): Settings['logFormat'] {
  if (text === 'text' || text === 'json' || text === 'auto') return text
  problems.push(`--log-format is auto, text or json, not ${JSON.stringify(text)}`)
  return 'auto'
}

function readGit({ gitUser, gitToken }: Values, problems: string[]): Settings['git'] {
  if (gitToken !== null) return { ...(gitUser !== null ? { username: gitUser } : {}), password: gitToken }
  if (gitUser !== null) problems.push('SLIPWAY_GIT_USER is set without SLIPWAY_GIT_TOKEN')
  return null
}

/** A secret that can be guessed is none. */
const SECRET_LEAST = 16

function readWebhooks({ webhookListen, webhookSecret }: Values, problems: string[]): Settings['webhooks'] {
  if (webhookSecret === null) return null
  if (webhookSecret.length < SECRET_LEAST)
    problems.push(`SLIPWAY_WEBHOOK_SECRET has fewer than ${SECRET_LEAST} characters: make a longer one`)
  return { listen: webhookListen ?? '', secret: webhookSecret }
}

function readRegistries(text: string | null, { home }: Given, problems: string[]): Settings['registries'] {
  const path = join(home, '.docker', 'config.json')
  const source = text === null ? path : SETTINGS.registryAuth.env
  try {
    return loginsOf(JSON.parse(text ?? readFileSync(path, 'utf8')))
  } catch (error) {
    if (text === null && (error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    problems.push(
      `${source} is not a Docker config.json: its "auths" map registries to {"auth": base64 of user:password}`,
    )
    return {}
  }
}

/** Logins that Docker keeps in a helper program are not in the file, and are left out like registries without any. */
function loginsOf(config: unknown): Settings['registries'] {
  const { auths } = config as { auths?: unknown }
  if (auths === undefined) return {}
  if (typeof auths !== 'object' || auths === null) throw new Error('auths is not a map')
  return Object.fromEntries(
    Object.entries(auths).flatMap(([host, entry]) => {
      const login = loginOf(entry)
      return login === null ? [] : [[registryHost(host), login]]
    }),
  )
}

/** Docker writes some registries as addresses: `https://index.docker.io/v1/`. */
function registryHost(key: string): string {
  const host = key.replace(/^https?:\/\//, '').replace(/\/.*$/, '')
  return /^(?:index|registry-1)\.docker\.io$/.test(host) ? 'docker.io' : host
}

function loginOf(entry: unknown): RegistryLogin | null {
  const { auth, username, password } = entry as Readonly<Record<'auth' | 'username' | 'password', unknown>>
  for (const value of [auth, username, password])
    if (value !== undefined && typeof value !== 'string') throw new Error('a login is text')
  if (typeof username === 'string' && typeof password === 'string') return { username, password }
  if (typeof auth !== 'string' || auth === '') return null
  const text = Buffer.from(auth, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 1) throw new Error('auth is not base64 of user:password')
  return { username: text.slice(0, colon), password: text.slice(colon + 1) }
}

function defaultDataDir({ env, home, isRoot }: Given): string {
  if (isRoot) return '/var/lib/slipway'
  return join(nonEmpty(env.XDG_STATE_HOME) ?? join(home, '.local', 'state'), 'slipway')
}

/** Set by who runs the controller: nobody else may let one through. */
function readSignedBy(what: string | null, problems: string[]): SignedBy | null {
  if (what === null) return null
  if (what === 'head' || what === 'every' || what === 'tag') return { what, signers: [], approve: false }
  problems.push(`--signed-by (SLIPWAY_SIGNED_BY) is head, every or tag, not ${JSON.stringify(what)}`)
  return null
}

function readHostKeys(text: string | null, problems: string[]): readonly string[] {
  const keys = (text ?? '').split(/[\s,]+/).filter((key) => key !== '')
  if (keys.every((key) => /^SHA256:[A-Za-z0-9+/]{43}$/.test(key))) return keys
  problems.push(
    `--git-host-key (SLIPWAY_GIT_HOST_KEY) is a fingerprint as ssh-keygen -lf prints it: SHA256: and 43 characters`,
  )
  return []
}

function keyOf(name: 'sshKey' | 'gitSshKey' | 'signingKey', values: Values, given: Given): SecretFile | null {
  const key = values[name]
  return key === null ? null : { content: withNewline(key), path: secretPath(name, given) }
}

function secretPath(name: SettingName, { env }: Given): string {
  const variable = SETTINGS[name].env
  return nonEmpty(env[`${variable}_FILE`]) ?? variable
}

/** A key that lost its last newline on the way through a variable is no longer a key to some parsers. */
function withNewline(key: string): string {
  return key.endsWith('\n') ? key : `${key}\n`
}

function nonEmpty(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text
}
