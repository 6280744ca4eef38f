/** Why the key that a host shows is not believed. `why` is for a message: `pinned is SHA256:…`. */
export type HostKeyFailure =
  | { readonly kind: 'host-key-unknown'; readonly seen: string; readonly why: string }
  | { readonly kind: 'host-key-mismatch'; readonly seen: string; readonly isRevoked: boolean; readonly why: string }

/** Why there is no connection. Who asked for one makes a Problem of it: only he knows what the host is to him. */
export type SshFailure =
  | { readonly kind: 'unreachable'; readonly why: string }
  /** `tried` says which keys and agents were offered, and which could not be used. */
  | { readonly kind: 'login-refused'; readonly tried: string }
  | HostKeyFailure

export function textOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.slice(0, 500)
}
