/** A commit of the followed ref. Times are milliseconds since the epoch. */
export interface Revision {
  readonly ref: string
  readonly sha: string
  readonly author: string
  readonly committedAtMs: number
  readonly subject: string
}

/** `main@sha1:9f1c…`, as Flux writes it (fluxcd RFC 0005), with a short hash. */
export function formatRevision(revision: Pick<Revision, 'ref' | 'sha'>): string {
  return `${revision.ref}@sha1:${revision.sha.slice(0, 12)}`
}
