/** Who signed a commit or tag, as far as the keys that the controller was given can tell. `key` is a fingerprint. */
export type SignatureVerdict =
  | {
      readonly kind: 'trusted'
      /** For people. */
      readonly signer: string
      /** What a list of signers can name: principals, addresses, the key. */
      readonly names: readonly string[]
      readonly key: string
    }
  | { readonly kind: 'unsigned' }
  /** By a key that nobody allowed. */
  | { readonly kind: 'unknown'; readonly key: string }
  /** By an allowed key that counts no longer, or not yet. */
  | { readonly kind: 'expired'; readonly signer: string; readonly key: string; readonly why: string }
  | { readonly kind: 'revoked'; readonly signer: string; readonly key: string }
  /** By an allowed key, and what is signed is not this. */
  | { readonly kind: 'tampered'; readonly signer: string; readonly key: string }
  /** Not a signature that can be checked here. */
  | { readonly kind: 'unreadable'; readonly why: string }

/** `head`: the newest commit; `every`: each since the accepted one; `tag`: the tag that is followed. */
export type SignedWhat = 'head' | 'every' | 'tag'

/** What must be signed, by whom, for a revision to be accepted. */
export interface SignedBy {
  readonly what: SignedWhat
  /** Names of allowed signers; empty: any of them. */
  readonly signers: readonly string[]
  /** Whether `slipway approve` lets one through that is not signed so. */
  readonly approve: boolean
}

/** The verdict as words: who signed, or why it does not count. */
export function formatVerdict(verdict: SignatureVerdict): string {
  switch (verdict.kind) {
    case 'trusted':
      return `signed by ${verdict.signer}`
    case 'unsigned':
      return 'not signed'
    case 'unknown':
      return `signed with the key ${verdict.key}, which no allowed signer has`
    case 'expired':
      return `signed by ${verdict.signer}, ${verdict.why}`
    case 'revoked':
      return `signed by ${verdict.signer} with the key ${verdict.key}, which is revoked`
    case 'tampered':
      return `signed by ${verdict.signer} for other content: somebody changed it`
    case 'unreadable':
      return `signed in a way that cannot be checked: ${verdict.why}`
  }
}

/** A private ssh key that signs the same bytes in the same way each time. */
export interface SigningKey {
  readonly kind: 'ssh-ed25519' | 'rsa-sha2-512'
  /** As ssh sends it. */
  readonly publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}
