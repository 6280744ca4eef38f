import { hashOf } from '../model/index.js'
import type { ProxyCertificate } from '../model/index.js'
import type { CertificateLayout, FrontLayout, LiveMap } from './front-layout.js'
import { readPem } from './pem.js'
import { isHostPattern } from './route-words.js'
import { CERTIFICATES_LIST, CHALLENGES_MAP, FRESH_MAP, PATHS_MAP, REPLICAS_MAP, ROUTES_MAP } from './front-names.js'

/** As `certificateOf` names them. */
const FILE = /^tls_[0-9a-f]{1,64}\.pem$/

/** A key that no map has otherwise: its value tells whether the whole is the one that is wanted. */
export const DIGEST_KEY = '=digest'

export interface NamedMap {
  readonly name: string
  readonly map: LiveMap
  /** As the proxy is to tell it, with its name, as answers do not say which map they are about. */
  readonly digest: string
}

/** The maps that the configuration of a front names. */
export function liveMaps({
  http,
  https,
  challenges,
  replicas,
  paths,
  routes,
  fresh,
}: FrontLayout): readonly NamedMap[] {
  const isOpen = http !== null || https !== null
  return [
    ...(http === null ? [] : [named(CHALLENGES_MAP, challenges)]),
    ...(replicas === null ? [] : [named(REPLICAS_MAP, replicas)]),
    ...(fresh === null ? [] : [named(FRESH_MAP, fresh)]),
    ...(isOpen ? [named(PATHS_MAP, paths), named(ROUTES_MAP, routes)] : []),
  ]
}

function named(name: string, map: LiveMap): NamedMap {
  return { name, map, digest: `${name}:${hashOf([...map])}` }
}

export function mapLines({ map, digest }: NamedMap): readonly string[] {
  return [`${DIGEST_KEY} ${digest}\n`, ...[...map].map(([key, value]) => `${key} ${value}\n`)]
}

/** Which certificate is for which names. */
export function renderList(certificates: readonly CertificateLayout[]): string {
  return certificates.map(({ file, hosts }) => `${[file, ...hosts].join(' ')}\n`).join('')
}

/**
 * What such a list says, and what is in its files, as far as both are of the form that is written here: other files, hosts and PEM texts are left out. Names
 * and contents come from a server that may be in other hands.
 */
export function readList(files: ReadonlyMap<string, string>): readonly Pick<ProxyCertificate, 'hosts' | 'pem'>[] {
  const lines = (files.get(CERTIFICATES_LIST) ?? '').split('\n')
  return lines.flatMap((line) => {
    const [file = '', ...hosts] = line.split(' ')
    const pem = FILE.test(file) ? readPem(files.get(file) ?? '') : null
    const known = hosts.filter(isHostPattern)
    return pem === null || known.length === 0 ? [] : [{ hosts: known, pem }]
  })
}

/** What a proxy with a front starts with, beside its configuration. `isSecret`: it holds a private key. */
export function frontFiles(
  front: FrontLayout | null,
): readonly { readonly name: string; readonly content: string; readonly isSecret: boolean }[] {
  if (front === null) return []
  return [
    ...liveMaps(front).map((map) => ({ name: map.name, content: mapLines(map).join(''), isSecret: false })),
    ...(front.https === null
      ? []
      : [
          { name: CERTIFICATES_LIST, content: renderList(front.certificates), isSecret: false },
          ...front.certificates.map(({ file, pem }) => ({ name: file, content: pem, isSecret: true })),
        ]),
  ]
}
