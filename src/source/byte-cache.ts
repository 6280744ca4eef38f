/** Keeps what was used last, up to a number of bytes. */
export interface ByteCache {
  get(key: string): Uint8Array | undefined
  put(key: string, value: Uint8Array): void
}

export function byteCache(maxBytes: number): ByteCache {
  const kept = new Map<string, Uint8Array>()
  let bytes = 0
  return {
    get(key) {
      const value = kept.get(key)
      if (value === undefined) return undefined
      kept.delete(key)
      kept.set(key, value)
      return value
    },
    put(key, value) {
      if (value.byteLength > maxBytes / 4 || kept.has(key)) return
      kept.set(key, value)
      bytes += value.byteLength
      for (const [oldest, old] of kept) {
        if (bytes <= maxBytes) return
        kept.delete(oldest)
        bytes -= old.byteLength
      }
    },
  }
}
