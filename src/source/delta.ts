/**
 * Rebuilds an object from its base and Git's copy-and-insert instructions. Null when they do not fit the base, or when the result would
 * be larger than `maxBytes`: nothing in them is believed before it is checked.
 */
export function applyDelta(base: Buffer, delta: Buffer, maxBytes: number): Buffer | null {
  const from = readSize(delta, 0)
  const to = from === null ? null : readSize(delta, from.next)
  if (from === null || to === null || from.size !== base.byteLength || to.size > maxBytes) return null
  const target = Buffer.allocUnsafe(to.size)
  let at = to.next
  let written = 0
  while (at < delta.byteLength) {
    const step = readStep(delta, at)
    if (step === null || written + step.size > target.byteLength) return null
    const source = step.copyFrom === null ? delta : base
    const start = step.copyFrom ?? step.next - step.size
    if (start + step.size > source.byteLength) return null
    source.copy(target, written, start, start + step.size)
    written += step.size
    at = step.next
  }
  return written === target.byteLength ? target : null
}

interface Step {
  /** Offset in the base; null: the bytes stand in the delta itself, right before `next`. */
  readonly copyFrom: number | null
  readonly size: number
  readonly next: number
}

function readStep(delta: Buffer, at: number): Step | null {
  const op = delta[at] ?? 0
  if (op === 0) return null
  if ((op & 0x80) === 0) return at + 1 + op > delta.byteLength ? null : { copyFrom: null, size: op, next: at + 1 + op }
  let next = at + 1
  const number = (bits: number, count: number): number => {
    let value = 0
    for (let i = 0; i < count; i++) if ((bits >> i) & 1) value += (delta[next++] ?? 0) * 2 ** (8 * i)
    return value
  }
  const copyFrom = number(op, 4)
  const size = number(op >> 4, 3)
  return next > delta.byteLength ? null : { copyFrom, size: size === 0 ? 0x10000 : size, next }
}

function readSize(delta: Buffer, start: number): { readonly size: number; readonly next: number } | null {
  let size = 0
  for (let at = start, shift = 0; at < delta.byteLength && shift < 49; at++, shift += 7) {
    const byte = delta[at] ?? 0
    size += (byte & 0x7f) * 2 ** shift
    if ((byte & 0x80) === 0) return { size, next: at + 1 }
  }
  return null
}
