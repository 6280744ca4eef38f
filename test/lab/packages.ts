import { existsSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { whyNoDownloads } from './downloads.js'
import { run, tryRun } from './shell.js'
import { labsDir } from './state.js'

/** What the lab and the tests need of Debian, and the program by which it is recognised. Engines and busybox are fetched by themselves. */
const packages: Readonly<Record<string, string>> = {
  'openssh-server': '/usr/sbin/sshd',
  'openssh-client': '/usr/bin/ssh-keygen',
  iptables: '/usr/sbin/iptables',
  iproute2: '/usr/sbin/tc',
  'docker-registry': '/usr/bin/docker-registry',
  git: '/usr/bin/git',
  gitolite3: '/usr/bin/gitolite',
  gnupg: '/usr/bin/gpg',
  openssl: '/usr/bin/openssl',
  e2fsprogs: '/usr/sbin/mkfs.ext4',
  haproxy: '/usr/sbin/haproxy',
  pebble: '/usr/bin/pebble',
  sslscan: '/usr/bin/sslscan',
  'util-linux': '/usr/bin/unshare',
  perl: '/usr/bin/perl',
}

function missingOf(wanted: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(wanted)
    .filter(([, program]) => !existsSync(program) && !existsSync(program.replace(/^\/usr/, '')))
    .map(([name]) => name)
}

function missingPackages(): readonly string[] {
  return missingOf(packages)
}

/** Why there can be no lab on this machine now, and what to do about it; undefined when there can. */
export function whyNoLab(): string | undefined {
  if (process.platform !== 'linux') return `the lab needs Linux; this is ${process.platform}`
  if (process.getuid?.() !== 0)
    return 'the lab needs root (namespaces, mounts, links): run it as root, for instance with sudo'
  const missing = missingPackages()
  if (missing.length > 0) {
    return `the lab needs the Debian packages ${missing.join(' ')}: npm run lab -- install, or apt-get install ${missing.join(' ')}`
  }
  if (!existsSync('/proc/self/ns/net')) return 'the lab needs a kernel with namespaces'
  if (!existsSync('/sys/fs/cgroup/cgroup.controllers') && !existsSync('/sys/fs/cgroup/memory')) {
    return 'the lab needs control groups, and none are mounted at /sys/fs/cgroup'
  }
  if (isOnOverlay()) {
    return `the engines need a real disk below ${labsDir}: name a folder on one (a volume) in SLIPWAY_LAB_DIR`
  }
  return whyNoDownloads()
}

/** Inside a container the root is an overlay, on which no engine can make its own. */
function isOnOverlay(): boolean {
  const overlayMagic = 0x794c7630
  return statfsSync(existsSync(labsDir) ? labsDir : '/var/lib').type === overlayMagic
}

/** Installs what is missing when it may; says what it installs. Starts no service. */
export function ensureLabPackages(say: (line: string) => void = () => undefined): Promise<void> {
  return ensurePackages(packages, say)
}

/** The same for others: names of packages, each with a program by which it is recognised. */
export async function ensurePackages(
  wanted: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<void> {
  const missing = missingOf(wanted)
  if (missing.length === 0 || process.platform !== 'linux' || process.getuid?.() !== 0) return
  say(`installing ${missing.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const install = ['install', '-y', '-q', '--no-install-recommends', ...missing]
  const options = { env, timeoutMs: 600_000 }
  await withoutServices(async () => {
    if ((await tryRun('apt-get', install, options)) !== undefined) return
    await run('apt-get', ['-q', 'update'], options)
    await run('apt-get', install, options)
  })
}

/** Debian starts what it installs unless policy-rc.d forbids it. */
async function withoutServices(install: () => Promise<void>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d'
  const isOurs = !existsSync(policy)
  if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await install()
  } finally {
    if (isOurs) rmSync(policy)
  }
}
