import { compareText } from '../model/index.js'
import type { Files } from './files.js'
import { resolvePath } from './files.js'
import type { StackPattern } from './fleet.js'
import { quoted } from './node.js'
import type { Report } from './report.js'
import { COMPOSE_FILES } from './stack-file.js'

/** The directories that the patterns name and that hold a Compose file, sorted. */
export function findStackDirectories(
  patterns: readonly StackPattern[],
  files: Files,
  report: Report,
): readonly string[] {
  const found = new Set<string>()
  for (const { pattern, node } of patterns) {
    const path = resolvePath('', pattern)
    if (path === null) {
      report.error(
        'PATH_ESCAPES',
        node,
        `${quoted(pattern)} leads out of the repository; write a directory inside such as stacks/*`,
      )
      continue
    }
    const isWild = /[*?]/.test(path)
    const matches = isWild
      ? matching(path, files.directories)
      : [path].filter((directory) => files.directories.has(directory))
    if (matches.length === 0) reportNoMatch(pattern, isWild, node, report)
    for (const directory of matches) {
      if (hasComposeFile(directory, files)) found.add(directory)
      else if (!isWild) report.error('FILE_MISSING', node, `${quoted(pattern)} holds no ${COMPOSE_FILES.join(', ')}`)
      else if (!path.includes('**'))
        report.warn('FILE_MISSING', node, `${quoted(directory)} holds no compose.yaml and is no stack`)
    }
  }
  return [...found].sort(compareText)
}

function hasComposeFile(directory: string, files: Files): boolean {
  return COMPOSE_FILES.some((name) => files.stamp(directory === '' ? name : `${directory}/${name}`) !== 'absent')
}

function reportNoMatch(pattern: string, isWild: boolean, node: StackPattern['node'], report: Report): void {
  if (isWild) report.warn('FILE_MISSING', node, `no directory matches ${quoted(pattern)}, so there is no stack`)
  else report.error('FILE_MISSING', node, `the repository has no directory ${quoted(pattern)}`)
}

/** `*` and `?` stay within a name and skip hidden ones, `**` goes to any depth. Compares part by part: no pattern can blow up. */
function matching(pattern: string, directories: ReadonlySet<string>): readonly string[] {
  const parts = pattern.split('/')
  return [...directories].filter((directory) => directory !== '' && matchParts(parts, directory.split('/')))
}

function matchParts(pattern: readonly string[], names: readonly string[]): boolean {
  let reachable = new Set([0])
  for (const part of pattern) {
    const next = new Set<number>()
    for (const at of reachable) {
      const name = names[at]
      if (part === '**') for (const to of depthsFrom(names, at)) next.add(to)
      else if (name !== undefined && matchName(part, name)) next.add(at + 1)
    }
    reachable = next
  }
  return reachable.has(names.length)
}

/** How far `**` reaches: to the end, or to the first hidden directory. */
function depthsFrom(names: readonly string[], at: number): readonly number[] {
  const hidden = names.findIndex((name, index) => index >= at && name.startsWith('.'))
  const end = hidden === -1 ? names.length : hidden
  return Array.from({ length: end - at + 1 }, (_, step) => at + step)
}

function matchName(pattern: string, name: string): boolean {
  if (name.startsWith('.') && !pattern.startsWith('.')) return false
  let reachable = new Set([0])
  for (const char of pattern) {
    const next = new Set<number>()
    for (const at of reachable) {
      if (char === '*') for (let to = at; to <= name.length; to++) next.add(to)
      else if (at < name.length && (char === '?' || name[at] === char)) next.add(at + 1)
    }
    reachable = next
  }
  return reachable.has(name.length)
}
