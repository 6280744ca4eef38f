import type { FileReader } from './files.js'
import { resolvePath } from './files.js'
import { quoted } from './node.js'
import type { Report, Spot } from './report.js'
import { MOST_FILE_BYTES } from './text.js'

/** A file that a manifest names, relative to the manifest's directory. */
export interface NamedFile {
  readonly path: string
  readonly bytes: Uint8Array
}

/** Reads it, or reports why it cannot be. Null as well while the content is still to be read. */
export function readNamedFile(
  relative: string,
  directory: string,
  spot: Spot,
  reader: FileReader,
  report: Report,
  required = true,
): NamedFile | null {
  const path = resolvePath(directory, relative)
  if (path === null) {
    report.error(
      'PATH_ESCAPES',
      spot,
      `${quoted(relative)} leads out of the repository; name a file inside, relative to this one`,
    )
    return null
  }
  const found = reader.find(path)
  switch (found.kind) {
    case 'pending':
      return null
    case 'absent':
      if (required)
        report.error('FILE_MISSING', spot, `the repository has no file ${quoted(path)}; add it, or correct the path`)
      return null
    case 'unsupported':
      report.error('FILE_UNSUPPORTED', spot, `${quoted(path)} is ${found.what}; put a regular file there`)
      return null
    case 'file':
      if (found.bytes.length <= MOST_FILE_BYTES) return { path, bytes: found.bytes }
      report.error(
        'FILE_TOO_LARGE',
        spot,
        `${quoted(path)} has ${found.bytes.length} bytes, at most ${MOST_FILE_BYTES} can be shipped; put it into the image or a volume`,
      )
      return null
  }
}
