/** An image reference in its parts, with what Docker leaves out filled in. */
export interface ImageName {
  /** `docker.io`, `registry.example.com:5000`. */
  readonly registry: string
  /** `library/busybox`. */
  readonly path: string
  readonly tag: string | null
  readonly digest: string | null
  /** As written, without tag and digest: what the engine wants to be told. */
  readonly name: string
}

export function parseImage(reference: string): ImageName {
  const [beforeDigest = '', digest] = reference.split('@')
  const slash = beforeDigest.lastIndexOf('/')
  const colon = beforeDigest.indexOf(':', slash + 1)
  const name = colon < 0 ? beforeDigest : beforeDigest.slice(0, colon)
  const tag = colon < 0 ? null : beforeDigest.slice(colon + 1)
  const first = name.includes('/') ? name.slice(0, name.indexOf('/')) : ''
  const isHost = first.includes('.') || first.includes(':') || first === 'localhost'
  const registry = !isHost || first === 'index.docker.io' ? 'docker.io' : first
  const rest = isHost ? name.slice(first.length + 1) : name
  const path = registry === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest
  return { registry, path, tag, digest: digest ?? null, name }
}

/** What to pull or look for: the digest where there is one, else the tag, else `latest`. */
export function versionOf(image: ImageName): string {
  return image.digest ?? image.tag ?? 'latest'
}

/** Of `RepoDigests` the one of the same repository; null for an image that no registry knows. */
export function digestFor(image: ImageName, repoDigests: readonly string[], pulled: string | null): string | null {
  const own = repoDigests
    .map(parseImage)
    .filter((other) => other.registry === image.registry && other.path === image.path && other.digest !== null)
    .map((other) => `${other.name}@${other.digest}`)
    .sort()
  const wanted = image.digest ?? pulled
  return own.find((digest) => wanted !== null && digest.endsWith(`@${wanted}`)) ?? own[0] ?? null
}

/**
 * The reference to create from: the tag for people who look at `docker ps`, the digest for the engine, which goes by it alone.
 * Null without a digest.
 */
export function pinnedReference(reference: string, digest: string | null): string | null {
  if (digest === null) return null
  const image = parseImage(reference)
  const hash = digest.slice(digest.lastIndexOf('@') + 1)
  return `${image.name}${image.tag === null ? '' : `:${image.tag}`}@${hash}`
}
