import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './shell.js'

/** `old` is Debian 12's engine (20.10), `modern` Debian 13's (26.1), `newest` what Debian unstable has today (28.5). */
export type EngineKind = 'old' | 'modern' | 'newest'

/**
 * What else is fetched. `image` has what lab images are made of: Debian 12's own busybox crashes in `wget -T`. `compose` is Docker
 * Compose (2.40), the oracle of manifest loading, and `compose-stable` Debian 13's (2.26): static programs, so that any suite's run here.
 */
export type Download = EngineKind | 'image' | ComposeKind
export type ComposeKind = 'compose' | 'compose-stable'

const downloads: Readonly<Record<Download, { readonly suite: string; readonly packages: readonly string[] }>> = {
  old: { suite: 'bookworm', packages: ['docker.io', 'containerd', 'runc', 'tini'] },
  modern: { suite: 'trixie', packages: ['docker.io', 'docker-cli', 'containerd'] },
  newest: { suite: 'sid', packages: ['docker.io', 'docker-cli', 'containerd'] },
  image: { suite: 'trixie', packages: ['busybox-static'] },
  compose: { suite: 'sid', packages: ['docker-compose'] },
  'compose-stable': { suite: 'trixie', packages: ['docker-compose'] },
}

/** Where downloads are kept between labs and between checkouts. */
export const cacheDir = process.env['SLIPWAY_LAB_CACHE'] ?? '/var/cache/slipway-lab'

/** The PATH with which an engine of this kind, and whoever logs in to its server, runs. */
export function enginePath(kind: EngineKind): string {
  const system = '/usr/sbin:/usr/bin:/sbin:/bin'
  const root = join(cacheDir, kind, 'root')
  // Newer engines run with Debian 12's runc, as theirs needs a newer libc.
  const runc = kind === 'old' ? [] : [join(cacheDir, 'old/root/usr/sbin')]
  return [join(root, 'usr/sbin'), join(root, 'usr/bin'), ...runc, system].join(':')
}

/** Where the busybox of the lab's images is, once `ensureDownload('image')` is done. */
export const busyboxPath = join(cacheDir, 'image/root/usr/bin/busybox')

/** Where Docker Compose is, once its download is done. */
export function composeAt(kind: ComposeKind): string {
  return join(cacheDir, kind, 'root/usr/libexec/docker/cli-plugins/docker-compose')
}

export const composePath = composeAt('compose')

/** Makes sure that a download is in the cache; returns at once when it is. */
export async function ensureDownload(kind: Download, say: (line: string) => void): Promise<void> {
  if (existsSync(join(cacheDir, kind, 'complete'))) return
  const { suite, packages } = downloads[kind]
  const dir = join(cacheDir, `${kind}.${process.pid}`)
  rmSync(dir, { recursive: true, force: true })
  mkdirSync(join(dir, 'root'), { recursive: true })
  say(`fetching ${packages.join(', ')} of Debian ${suite} into ${join(cacheDir, kind)}`)
  await downloadPackages(suite, packages, dir)
  for (const file of readdirSync(dir).filter((name) => name.endsWith('.deb'))) {
    await run('dpkg', ['-x', join(dir, file), join(dir, 'root')])
    rmSync(join(dir, file))
  }
  writeFileSync(join(dir, 'complete'), '')
  try {
    renameSync(dir, join(cacheDir, kind))
  } catch (error) {
    // Another lab was faster.
    if (!existsSync(join(cacheDir, kind, 'complete'))) throw error
    rmSync(dir, { recursive: true, force: true })
  }
}

const noArchive =
  'the lab takes its engines from Debian, and /etc/apt names no Debian archive: run it on Debian 12 or 13'

/** Why the programs of an ordinary lab are neither here nor to be had. */
export function whyNoDownloads(): string | undefined {
  const isCached = (['image', 'old', 'modern', 'compose', 'compose-stable'] as const).every((kind) =>
    existsSync(join(cacheDir, kind, 'complete')),
  )
  return isCached || mainArchiveUri() !== undefined ? undefined : noArchive
}

/** Downloads with the machine's own apt (its mirror, proxy and keys) and lists of our own for another suite. */
async function downloadPackages(suite: string, packages: readonly string[], dir: string): Promise<void> {
  for (const folder of ['lists/partial', 'archives/partial']) mkdirSync(join(dir, 'apt', folder), { recursive: true })
  const uri = mainArchiveUri()
  if (uri === undefined) throw new Error(noArchive)
  const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
  const signedBy = existsSync(keyring) ? `[signed-by=${keyring}] ` : ''
  writeFileSync(join(dir, 'apt/sources.list'), `deb ${signedBy}${uri} ${suite} main\n`)
  const settings = [
    `Dir::Etc::sourcelist=${join(dir, 'apt/sources.list')}`,
    'Dir::Etc::sourceparts=/dev/null',
    `Dir::State::lists=${join(dir, 'apt/lists')}`,
    `Dir::Cache=${join(dir, 'apt')}`,
    'Acquire::Languages=none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false',
    'APT::Sandbox::User=root',
  ].flatMap((setting) => ['-o', setting])
  const options = { cwd: dir, env: process.env, timeoutMs: 600_000 }
  await run('apt-get', [...settings, '-q', 'update'], options)
  await run('apt-get', [...settings, '-q', 'download', ...packages.map((name) => `${name}/${suite}`)], options)
  rmSync(join(dir, 'apt'), { recursive: true, force: true })
}

/** The archive from which this machine itself is fed, in either of apt's two formats. */
function mainArchiveUri(): string | undefined {
  const parts = '/etc/apt/sources.list.d'
  const files = ['/etc/apt/sources.list', ...(existsSync(parts) ? readdirSync(parts).map((f) => join(parts, f)) : [])]
  for (const file of files.filter((name) => /\.(list|sources)$/.test(name) && existsSync(name))) {
    const text = readFileSync(file, 'utf8')
    const found = file.endsWith('.sources') ? uriOfDeb822(text) : uriOfList(text)
    if (found !== undefined) return found
  }
  return undefined
}

const suitePattern = /\b(bookworm|trixie|forky|sid|stable|testing|unstable)(\s|$)/

function uriOfDeb822(text: string): string | undefined {
  for (const stanza of text.split(/\n\s*\n/)) {
    const field = (name: string): string => new RegExp(`^${name}:\\s*(.*)$`, 'mi').exec(stanza)?.[1] ?? ''
    const isMain = /\bmain\b/.test(field('Components')) && suitePattern.test(field('Suites'))
    const uri = field('URIs').split(/\s+/)[0]
    if (isMain && uri !== undefined && /debian\/?$/.test(uri)) return uri
  }
  return undefined
}

function uriOfList(text: string): string | undefined {
  for (const line of text.split('\n')) {
    const match = /^deb\s+(?:\[[^\]]*\]\s+)?(\S+debian\/?)\s+(\S+)\s+.*\bmain\b/.exec(line)
    if (match?.[1] !== undefined && suitePattern.test(match[2] ?? '')) return match[1]
  }
  return undefined
}
