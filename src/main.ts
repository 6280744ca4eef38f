#!/usr/bin/env node
// The composition root: the only file that knows every room, and the only one that reads the environment.
import { readFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { readGitIdentities, readIdentities, readSigningIdentity, runCli } from './cli/index.js'
import type { Io, Parts, Settings } from './cli/index.js'
import type { Clock, LogEvent } from './controller/index.js'
import type { GitSourceOptions } from './source/index.js'

/** After the command has ended, open sockets get this long to close before the process ends anyway. */
const LINGER_MS = 3_000

// What is read from sockets counts as memory of the heap, which V8 by itself lets grow by a fifth before it marks all of it again: three times
// for each look at 100 servers, and twice as much work as the look. Doubled, it is marked once in several looks.
setFlagsFromString('--heap-growing-percent=100')

// Every user of the machine sees command lines, until they are written over.
if (process.argv.some((argument) => /:\/\/[^/@\s]*:[^/@\s]*@/.test(argument))) process.title = 'slipway'

const startedAtMs = Date.now() - performance.now()
const now = (): number => Math.round(startedAtMs + performance.now())
const clock: Clock = {
  nowMs: now,
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

// Each port brings heavy libraries, and most commands need none of them.
const parts: Parts = {
  clock,
  openSource: async (settings, repo, { dir, log }) => {
    const { gitSource } = await import('./source/index.js')
    return gitSource({ ...gitOptions(settings, repo, log), dir: dir ?? join(settings.dataDir, 'git') })
  },
  openWorkshop: async (settings, repo, { dir, log }) => {
    const { gitWorkshop } = await import('./source/index.js')
    return gitWorkshop({ ...gitOptions(settings, repo, log), dir })
  },
  openLoader: async () => {
    const { processLoader } = await import('./loading/index.js')
    return processLoader({ clock })
  },
  openDriver: async (settings, log) => {
    const { dockerDriver } = await import('./driver/index.js')
    const { hosts, ...identities } = readIdentities(settings)
    return dockerDriver({ identities, hosts, registryAuths: settings.registries, log, clock, random: Math.random })
  },
  loadRehearsalDriver: async () => {
    const { dockerDriver } = await import('./driver/index.js')
    const nobody = { identities: { keys: [], agentSocket: null }, registryAuths: {} }
    return (options) => dockerDriver({ ...nobody, ...options, random: () => 0.5 })
  },
  openMesh: async ({ dataDir }) => {
    const { openAuthority } = await import('./mesh/index.js')
    return openAuthority({ dir: dataDir, clock })
  },
  openAcme: async ({ dataDir, acme }) => {
    const { openAcme } = await import('./acme/index.js')
    const { dnsHook: command, ...secrets } = acme
    // What is secret to the controller is none of its business.
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('SLIPWAY_')))
    return openAcme({ dir: dataDir, clock, ...secrets, dnsHook: command === null ? null : { command, environment } })
  },
  openChecker: async () => {
    const { openChecker } = await import('./checks/index.js')
    return openChecker()
  },
  openJournal: async (settings, { readOnly }) => {
    const { sqliteJournal } = await import('./store/index.js')
    return sqliteJournal({ dir: settings.dataDir, readOnly })
  },
  schedule: async (expression, task, log) => {
    const { schedule } = await import('node-cron')
    // node-cron would print its complaints itself; a missed night is no news, a failed one is.
    const complain = (message: string | Error): void =>
      log({ atMs: now(), level: 'warn', message: 'housekeeping', fields: { problem: String(message) } })
    const logger = { info: () => undefined, debug: () => undefined, warn: complain, error: complain }
    const scheduled = schedule(expression, task, { noOverlap: true, logger })
    return () => void scheduled.destroy()
  },
}

function gitOptions(settings: Settings, url: string, log: (event: LogEvent) => void): Omit<GitSourceOptions, 'dir'> {
  const signing = readSigningIdentity(settings)
  return {
    url,
    ref: settings.ref,
    allowPlainHttp: settings.allowPlainHttp,
    log,
    now,
    http: {
      headers: settings.gitHttp.headers,
      ...(settings.gitHttp.ca !== null ? { ca: settings.gitHttp.ca } : {}),
      ...(settings.gitHttp.proxy !== null ? { proxy: settings.gitHttp.proxy } : {}),
    },
    signers: settings.signers,
    ...(signing !== null ? { signing } : {}),
    ssh: (host) => readGitIdentities(settings, host),
    ...(settings.path !== null ? { path: settings.path } : {}),
    ...(settings.git !== null ? { credentials: settings.git } : {}),
  }
}

/** The first signal asks for an orderly end, the second takes it. */
function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143)
      controller.abort(name)
    })
  }
  return controller.signal
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    // A container may run as a user that no list of users knows.
    return String(process.getuid?.() ?? 'unknown')
  }
}

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  isTty: process.stdout.isTTY,
  columns: process.stdout.columns || 100,
  env: process.env,
  home: homedir(),
  isRoot: process.getuid?.() === 0,
  user: userName(),
  nowMs: now,
  interrupted: interruption(),
}

// The reader of a pipe may leave before the end (`slipway history | head`); that is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
process.exitCode = await runCli(process.argv.slice(2), version, io, parts)
setTimeout(() => process.exit(), LINGER_MS).unref()
