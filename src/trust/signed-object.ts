/** What was signed, byte for byte, and the signature in its armour; null when there is none. */
export interface SignedObject {
  readonly payload: Buffer
  readonly signature: string | null
  /** When it says that it was made, in ms. */
  readonly madeAtMs: number | null
}

/**
 * Takes a commit apart. Done on bytes, because isomorphic-git's `payload` still has an ssh signature in it. A commit with two signatures
 * has none that counts: which of them covers what is not said.
 */
export function splitCommit(content: Uint8Array): SignedObject {
  const text = Buffer.from(content).toString('latin1')
  const end = text.indexOf('\n\n')
  const head = end < 0 ? text : text.slice(0, end + 1)
  const signatures: string[] = []
  const kept = head.replace(
    /^gpgsig(-sha256)? (.*\n(?: .*\n)*)/gm,
    (_all, other: string | undefined, block: string) => {
      if (other === undefined) signatures.push(block.replace(/^ /gm, ''))
      return ''
    },
  )
  const [signature = null, second] = signatures
  return {
    payload: Buffer.from(kept + text.slice(head.length), 'latin1'),
    signature: second === undefined ? signature : 'two signatures',
    madeAtMs: timeOf(head, 'committer'),
  }
}

/** An annotated tag has its signature at its end. */
export function splitTag(content: Uint8Array): SignedObject {
  const text = Buffer.from(content).toString('latin1')
  const at = Math.max(
    ...['PGP SIGNATURE', 'SSH SIGNATURE'].map((kind) => text.lastIndexOf(`\n-----BEGIN ${kind}-----\n`)),
  )
  const head = text.slice(0, Math.max(0, text.indexOf('\n\n') + 1))
  return {
    payload: Buffer.from(at < 0 ? text : text.slice(0, at + 1), 'latin1'),
    signature: at < 0 ? null : text.slice(at + 1),
    madeAtMs: timeOf(head, 'tagger'),
  }
}

function timeOf(head: string, who: string): number | null {
  const seconds = new RegExp(`^${who} .*> (\\d{1,12}) [+-]\\d{4}$`, 'm').exec(head)?.[1]
  return seconds === undefined ? null : Number(seconds) * 1000
}
