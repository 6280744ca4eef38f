import type { FileReader } from '../files.js'
import type { Lookup } from '../interpolate.js'
import type { Node } from '../node.js'
import type { InactiveServices } from '../profiles.js'
import type { Report, Spot } from '../report.js'

/** What the readers of one stack share. */
export interface StackContext {
  readonly stack: string
  /** Of the Compose file in the repository. */
  readonly path: string
  readonly directory: string
  readonly variables: Lookup
  readonly reader: FileReader
  readonly report: Report
  readonly declared: Declared
  /** Published ports are the proxies' business. */
  readonly isBalanced: boolean
  /** The proxies answer to the names of services. */
  readonly isNamed: boolean
  /** Remembers where something was claimed that is one service's of the whole fleet. */
  readonly noteClaim: (key: string, spot: Spot) => void
  /** Services that are not active, with their profiles. */
  readonly inactive: InactiveServices
}

/** What the top of the file declares, by name; null stands for a name whose declaration is wrong. */
export interface Declared {
  readonly services: ReadonlyMap<string, Node>
  /** By `container_name`, the first service that has it. */
  readonly containerNames: ReadonlyMap<string, string>
  readonly networks: ReadonlyMap<string, Node>
  readonly volumes: ReadonlyMap<string, Node>
  readonly configs: ReadonlyMap<string, FileSource | null>
  readonly secrets: ReadonlyMap<string, FileSource | null>
}

export interface FileSource {
  readonly source: string
  readonly contentBase64: string
}
