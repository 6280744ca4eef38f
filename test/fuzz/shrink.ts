/**
 * A smaller input of which `fails` still holds: halves are left out, then smaller and smaller pieces, then bytes are made plain. Tries at most
 * `tries` inputs.
 */
export async function shrink(
  input: Buffer,
  fails: (smaller: Buffer) => Promise<boolean>,
  tries: number,
): Promise<Buffer> {
  let best = input
  let left = tries
  const attempt = async (smaller: Buffer): Promise<boolean> => {
    if (left <= 0) return false
    left -= 1
    if (!(await fails(smaller))) return false
    best = smaller
    return true
  }
  for (let size = Math.ceil(best.byteLength / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let at = 0; at < best.byteLength && left > 0;) {
      const without = Buffer.concat([best.subarray(0, at), best.subarray(at + size)])
      if (!(await attempt(without))) at += size
    }
  for (let at = 0; at < best.byteLength && left > 0; at++) {
    const plain = Buffer.from(best)
    plain[at] = 0x30
    if (!plain.equals(best)) await attempt(plain)
  }
  return best
}
