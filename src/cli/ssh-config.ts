import { join } from 'node:path'
import { matchesHostPattern } from '../model/index.js'

/** What `~/.ssh/config` says of one host. Paths are absolute. */
export interface SshConfigHost {
  readonly hostName: string | null
  readonly identityFiles: readonly string[]
  readonly identityAgent: string | null
  readonly user: string | null
  readonly port: number | null
}

export interface SshConfig {
  /** By the names that stand in `Host` lines without wildcards. */
  readonly hosts: Readonly<Record<string, SshConfigHost>>
  /** What `Host *` and the lines before any `Host` say. */
  readonly general: SshConfigHost
  /** What it says of any one host, patterns included. */
  of(host: string): SshConfigHost
}

interface Block {
  readonly patterns: readonly string[]
  readonly lines: readonly (readonly [keyword: string, value: string])[]
}

/**
 * The part of ssh_config(5) that concerns where a host is and which keys it takes. The first value wins, as in ssh; key files add up.
 * `Match` blocks are left out: they may run programs. `Include` is not followed.
 */
export function readSshConfig(text: string, home: string): SshConfig {
  const blocks = readBlocks(text)
  const names = blocks.flatMap(({ patterns }) => patterns.filter((pattern) => !/[*?!]/.test(pattern)))
  const hosts = Object.fromEntries(names.map((name) => [name, hostOf(name, blocks, home)]))
  return { hosts, general: hostOf('', blocks, home), of: (host) => hostOf(host, blocks, home) }
}

function readBlocks(text: string): readonly Block[] {
  const blocks: { patterns: string[]; lines: [string, string][] }[] = [{ patterns: ['*'], lines: [] }]
  for (const line of text.split('\n')) {
    const match = /^\s*([A-Za-z]+)(?:\s*=\s*|\s+)(.*?)\s*$/.exec(line)
    if (match === null) continue
    const [keyword, value] = [(match[1] ?? '').toLowerCase(), (match[2] ?? '').replace(/^"(.*)"$/, '$1')]
    if (keyword === 'host') blocks.push({ patterns: value.split(/\s+/), lines: [] })
    else if (keyword === 'match') blocks.push({ patterns: [], lines: [] })
    else blocks.at(-1)?.lines.push([keyword, value])
  }
  return blocks
}

function hostOf(name: string, blocks: readonly Block[], home: string): SshConfigHost {
  const lines = blocks.filter(({ patterns }) => applies(patterns, name)).flatMap((block) => block.lines)
  const first = (keyword: string): string | null => lines.find(([key]) => key === keyword)?.[1] ?? null
  const agent = first('identityagent')
  return {
    hostName: first('hostname')?.replaceAll('%h', name) ?? null,
    identityFiles: lines.filter(([key]) => key === 'identityfile').map(([, path]) => expand(path, home)),
    user: first('user'),
    port: /^\d{1,5}$/.test(first('port') ?? '') ? Number(first('port')) : null,
    identityAgent: agent === null || agent === 'none' || agent === 'SSH_AUTH_SOCK' ? null : expand(agent, home),
  }
}

function applies(patterns: readonly string[], name: string): boolean {
  const matching = patterns.filter((pattern) => matchesHostPattern(pattern.replace(/^!/, ''), name))
  return matching.length > 0 && !matching.some((pattern) => pattern.startsWith('!'))
}

function expand(path: string, home: string): string {
  const full = path.replace(/^~(?=\/|$)/, home).replaceAll('%d', home)
  return full.startsWith('/') ? full : join(home, '.ssh', full)
}
