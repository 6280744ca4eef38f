import { liveMaps, mapLines } from './front-files.js'
import type { NamedMap } from './front-files.js'
import type { FrontLayout } from './front-layout.js'
import type { FrontSeen } from './read-front.js'
import { CERTIFICATES_LIST } from './front-names.js'

/** HAProxy takes a command of 16 KiB, what follows it included. */
const PAYLOAD_BYTES = 8_000
const MOST_PEM_BYTES = 12_000

/**
 * What to tell a proxy of the same structure so that its maps and certificates are these. Null: it cannot be told. Certificates come before the maps
 * that send clients to them, and go after; a map is exchanged in one step.
 */
export function frontCommands(front: FrontLayout | null, seen: FrontSeen): readonly string[] | null {
  if (front === null) return []
  const certificates = front.https === null ? [] : front.certificates
  const coming = certificates.filter(({ file }) => !seen.listed.has(file))
  if (coming.some(({ pem }) => pem.length > MOST_PEM_BYTES)) return null
  const wanted = new Set(certificates.map(({ file }) => file))
  return [
    ...coming.flatMap(({ file, hosts, pem }) => [
      ...(seen.stored.has(file) ? [] : [`new ssl cert ${file}`]),
      `set ssl cert ${file} <<\n${pem}`,
      `commit ssl cert ${file}`,
      `add ssl crt-list ${CERTIFICATES_LIST} <<\n${[file, ...hosts].join(' ')}\n`,
    ]),
    ...liveMaps(front).flatMap((map) => mapCommands(map, seen)),
    ...[...seen.listed].flatMap((file) => (wanted.has(file) ? [] : [`del ssl crt-list ${CERTIFICATES_LIST} ${file}`])),
    ...[...seen.listed, ...seen.stored].flatMap((file, at, all) =>
      wanted.has(file) || all.indexOf(file) !== at ? [] : [`del ssl cert ${file}`],
    ),
  ]
}

function mapCommands(named: NamedMap, { maps }: FrontSeen): readonly string[] {
  const { name, digest } = named
  const seen = maps.get(name)
  if (seen?.digest === digest) return []
  const version = (seen?.nextVersion ?? 0) + 1
  const parts: string[] = []
  for (const line of mapLines(named)) {
    const last = parts.at(-1)
    if (last === undefined || last.length + line.length > PAYLOAD_BYTES) parts.push(line)
    else parts[parts.length - 1] = `${last}${line}`
  }
  return [
    `prepare map ${name}`,
    ...parts.map((part) => `add map @${version} ${name} <<\n${part}`),
    `commit map @${version} ${name}`,
  ]
}
