import { createHash } from 'node:crypto'
import type { ImagePin } from '../../src/model/index.js'

/** One registry for all servers: tags that can be moved, contents that stay. */
export class SimRegistry {
  private readonly moved = new Map<string, number>()
  /** Nobody can pull. */
  isDown = false
  /** Answers 429. */
  isLimiting = false

  /** What a reference names now; a reference with a digest never changes. */
  resolve(reference: string): ImagePin {
    if (reference.includes('@')) return { digest: reference, id: idOf(reference) }
    const repository = reference.split(':')[0] ?? reference
    const digest = `${repository}@sha256:${hash(`${reference} ${this.moved.get(reference) ?? 0}`)}`
    return { digest, id: idOf(digest) }
  }

  /** Somebody pushes another image under the same tag. */
  move(reference: string): void {
    this.moved.set(reference, (this.moved.get(reference) ?? 0) + 1)
  }
}

function idOf(digest: string): string {
  return `sha256:${hash(digest.replace(/.*@sha256:/, ''))}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
