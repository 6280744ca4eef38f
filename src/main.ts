#!/usr/bin/env node
// The composition root: the only file that knows every room, and the only one that reads the environment.
import { mkdirSync, readFileSync } from 'node:fs'
import { homedir, userInfo } from 'node:os'
import { join } from 'node:path'
import { readIdentities, runCli } from './cli/index.js'
import type { Io, Parts, Settings } from './cli/index.js'
import type { Clock, LogEvent } from './controller/index.js'
import { ok } from './model/index.js'

/** After the command has ended, open sockets get this long to close before the process ends anyway. */
const LINGER_MS = 3_000

const startedAtMs = Date.now() - performance.now()
const clock: Clock = {
  nowMs: () => Math.round(startedAtMs + performance.now()),
  after: (delayMs, fn) => {
    const timer = setTimeout(fn, delayMs)
    return () => clearTimeout(timer)
  },
}

// Each port brings heavy libraries, and most commands need none of them.
const parts: Parts = {
  clock,
  openSource: async (settings, repo, log) => {
    const { gitSource } = await import('./source/index.js')
    return gitSource({
      url: repo,
      ref: settings.ref,
      dir: privateFolder(join(settings.dataDir, 'git')),
      allowPlainHttp: settings.allowPlainHttp,
      log,
      now: clock.nowMs,
      ...(settings.path !== null ? { path: settings.path } : {}),
      ...(settings.git !== null ? { credentials: settings.git } : {}),
    })
  },
  openDriver: async (settings, log) => {
    const { dockerDriver } = await import('./driver/index.js')
    const { hosts, ...identities } = readIdentities(settings)
    return dockerDriver({ identities, hosts, registryAuths: settings.registries, log, clock, random: Math.random })
  },
  openJournal: async (settings) => {
    const { sqliteJournal } = await import('./store/index.js')
    return sqliteJournal({ dir: privateFolder(settings.dataDir) })
  },
  schedule: async (expression, task, log) => {
    const cron = await import('node-cron')
    const scheduled = cron.schedule(expression, task)
    return () => void scheduled.stop()
  },
}

function privateFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  return path
}
