import { compareText } from '../model/index.js'
import type { Files } from './files.js'
import { resolvePath } from './files.js'
import { namedPath } from './compose-source.js'
import type { StackOverlay, StackPattern } from './fleet.js'
import { bareSpot, quoted, textOf } from './node.js'
import type { Report } from './report.js'
import { COMPOSE_FILES } from './stack-choice.js'
import type { StackChoice } from './stack-choice.js'

/** The directories that the patterns name and that hold a stack, sorted, with what slipway.yaml says of each. */
export function findStacks(patterns: readonly StackPattern[], files: Files, report: Report): readonly StackChoice[] {
  const found = new Map<string, { readonly pattern: StackPattern; readonly isWild: boolean }>()
  for (const pattern of patterns) {
    const path = pathOf(pattern, files, report)
    if (path === null) continue
    const isWild = /[*?]/.test(path)
    for (const directory of matchesOf(path, isWild, pattern, files, report)) {
      // What names one stack is nearer to it than what names many.
      if (!isWild || found.get(directory)?.isWild !== false) found.set(directory, { pattern, isWild })
    }
  }
  return [...found]
    .map(([directory, { pattern }]) => choiceOf(directory, pattern.settings, report))
    .sort((a, b) => compareText(a.directory, b.directory))
}

/** The pattern as a path; a mapping's key may be the name of a directory in stacks/. */
function pathOf({ pattern, node }: StackPattern, files: Files, report: Report): string | null {
  const path = resolvePath('', pattern)
  if (path === null) {
    report.error(
      'PATH_ESCAPES',
      node,
      `${quoted(pattern)} leads out of the repository; write a directory inside such as stacks/*`,
    )
    return null
  }
  return !/[*?/]/.test(pattern) && files.directories.has(`stacks/${path}`) ? `stacks/${path}` : path
}

function matchesOf(
  path: string,
  isWild: boolean,
  { pattern, node, settings }: StackPattern,
  files: Files,
  report: Report,
): readonly string[] {
  const matches = isWild
    ? matching(path, files.directories)
    : [path].filter((directory) => files.directories.has(directory))
  if (matches.length === 0) reportNoMatch(pattern, isWild, node, report)
  return matches.filter((directory) => {
    if (settings.files !== null || hasComposeFile(directory, files)) return true
    if (!isWild) report.error('FILE_MISSING', node, `${quoted(pattern)} holds no ${COMPOSE_FILES.join(', ')}`)
    else if (!path.includes('**'))
      report.warn('FILE_MISSING', node, `${quoted(directory)} holds no compose.yaml and is no stack`)
    return false
  })
}

function choiceOf(directory: string, { files, env, profiles }: StackOverlay, report: Report): StackChoice {
  const named = files?.flatMap((node) => {
    const path = namedPath(textOf(node), directory, node, report)
    return path === null ? [] : [{ path, spot: bareSpot(node) }]
  })
  return { directory, files: named ?? null, env, profiles }
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
