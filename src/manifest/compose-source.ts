import { parseYaml } from './document.js'
import type { FileReader } from './files.js'
import { resolvePath } from './files.js'
import type { Node } from './node.js'
import { quoted } from './node.js'
import type { Report, Spot } from './report.js'
import { MOST_MANIFEST_BYTES, decodeText } from './text.js'

/** What the files of one stack are read with. */
export interface ComposeSources {
  readonly reader: FileReader
  readonly report: Report
  /** Trees by the bytes that they were parsed from, and by path: equal files at two places have two sets of places. */
  readonly parsed: ParsedFiles
}

export type ParsedFiles = WeakMap<Uint8Array, Map<string, Node>>

/** A Compose file that is read, and where it is named; null for one that Compose looks for by itself. */
export interface ComposeFile {
  readonly path: string
  readonly spot: Spot | null
}

/** The tree of a Compose file. Null when it cannot be used, which has been reported, or is still to be read. */
export function readCompose({ path, spot }: ComposeFile, sources: ComposeSources): Node | null {
  const { reader, parsed } = sources
  const found = reader.find(path)
  if (found.kind === 'pending') return null
  const report = sources.report.in(path)
  if (found.kind !== 'file') {
    const code = found.kind === 'absent' ? 'FILE_MISSING' : 'FILE_UNSUPPORTED'
    const what = found.kind === 'absent' ? 'is not in the repository' : `is ${found.what}`
    sources.report
      .in(spot === null ? path : (spot.file ?? path))
      .error(code, spot, `${quoted(path)} ${what}; put a regular file there, or correct the path`)
    return null
  }
  const kept = parsed.get(found.bytes)?.get(path)
  if (kept !== undefined) return kept
  const text = decodeText(found.bytes, MOST_MANIFEST_BYTES, report)
  const root = text === null ? null : parseYaml(text, path, report)
  if (root !== null) parsed.set(found.bytes, new Map([...(parsed.get(found.bytes) ?? []), [path, root]]))
  return root
}

const REMOTE = /^(?:[a-z][a-z0-9+.-]*:\/\/|oci:|git@|[^/]+\.git(?:#|$))/

/** A path in the repository that a Compose file names, relative to a directory; null after a problem. */
export function namedPath(text: string, directory: string, spot: Spot, report: Report): string | null {
  if (REMOTE.test(text)) {
    report.error('FIELD_UNSUPPORTED', spot, `${quoted(text)} is not in the repository; copy it into the repository`)
    return null
  }
  const path = resolvePath(directory, text)
  if (path === null)
    report.error('PATH_ESCAPES', spot, `${quoted(text)} leads out of the repository; name a file inside of it`)
  return path
}

/** The directory of a path; empty for the repository's root. */
export function directoryOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0))
}
