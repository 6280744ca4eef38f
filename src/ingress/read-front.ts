import { CERTIFICATES_LIST, CHALLENGES_MAP, FRESH_MAP, PATHS_MAP, REPLICAS_MAP, ROUTES_MAP } from './front-names.js'

/** What a process is asked, all at once: `readState` reads the answers. One that has no such map or list says so, and no more. */
export const STATE_QUESTIONS: readonly string[] = Object.freeze([
  'show info',
  'show stat -1 5 -1',
  'show map',
  ...[CHALLENGES_MAP, REPLICAS_MAP, PATHS_MAP, ROUTES_MAP, FRESH_MAP].map((name) => `get map ${name} =digest`),
  'show ssl cert',
  `show ssl crt-list -n ${CERTIFICATES_LIST}`,
])

/** What a proxy tells of its maps and of the certificates for clients. */
export interface FrontSeen {
  /** By the name of the file. */
  readonly maps: ReadonlyMap<string, MapSeen>
  /** Files of certificates that it has, and those that it gives to clients. */
  readonly stored: ReadonlySet<string>
  readonly listed: ReadonlySet<string>
}

export interface MapSeen {
  /** Empty: it says none. */
  readonly digest: string
  /** Of the last exchange that was begun. */
  readonly nextVersion: number
}

export const NO_FRONT: FrontSeen = Object.freeze({
  maps: new Map(),
  stored: new Set<string>(),
  listed: new Set<string>(),
})

/**
 * Of the answers, those about maps and certificates. Which map a digest is of, it says itself: the answer does not.
 */
export function readFront(text: string): FrontSeen {
  const versions = new Map<string, number>()
  const digests = new Map<string, string>()
  const [stored, listed] = [new Set<string>(), new Set<string>()]
  for (const line of text.split('\n')) {
    const [, name, version] = /^[0-9]{1,9} \(([a-z]{1,20}\.map)\) .* next_ver=([0-9]{1,9}) /.exec(line) ?? []
    if (name !== undefined) versions.set(name, Number(version))
    const [, of, digest] = /, key="=digest", value="([a-z]{1,20}\.map):([0-9a-f]{20})"/.exec(line) ?? []
    if (of !== undefined) digests.set(of, `${of}:${digest}`)
    const [, file, number] = /^(tls_[0-9a-f]{20}\.pem)(:[0-9]{1,9})?( |$)/.exec(line.trim()) ?? []
    if (file !== undefined) (number === undefined ? stored : listed).add(file)
  }
  const maps = [...versions].map(
    ([name, nextVersion]) => [name, { digest: digests.get(name) ?? '', nextVersion }] as const,
  )
  return { maps: new Map(maps), stored, listed }
}
