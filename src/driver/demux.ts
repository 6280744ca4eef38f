/**
 * Takes the engine's stream apart: frames of a kind (1 stdout, 2 stderr), three zeroes, a length, and the text. Text is handed on as it comes,
 * so that a frame's claimed length costs nothing. Returns false once the stream makes no sense; then nothing more is handed on.
 */
export function newDemuxer(onText: (stream: 'stdout' | 'stderr', text: string) => void): (chunk: Buffer) => boolean {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  let header = Buffer.alloc(0)
  let left = 0
  let stream: 'stdout' | 'stderr' = 'stdout'
  let isSound = true
  return (chunk) => {
    let rest = chunk
    while (isSound && rest.length > 0) {
      if (left > 0) {
        const text = rest.subarray(0, left)
        left -= text.length
        rest = rest.subarray(text.length)
        onText(stream, decoders[stream].decode(text, { stream: true }))
        continue
      }
      const missing = 8 - header.length
      header = Buffer.concat([header, rest.subarray(0, missing)])
      rest = rest.subarray(missing)
      if (header.length < 8) break
      const kind = header.readUInt8(0)
      isSound = kind <= 2 && header.readUIntBE(1, 3) === 0
      stream = kind === 2 ? 'stderr' : 'stdout'
      left = header.readUInt32BE(4)
      header = Buffer.alloc(0)
    }
    return isSound
  }
}

/**
 * Cuts text into lines, whatever the pieces it comes in: what was looked through is not looked through again, since an engine can send a line of
 * 256 KiB in frames of one byte. A line over `maxChars` goes on in pieces.
 */
export function newLineCutter(
  maxChars: number,
  onLine: (line: string) => void,
): { readonly put: (text: string) => void; readonly end: () => void } {
  let pieces: string[] = []
  let chars = 0
  const flush = (last: string): void => {
    onLine(pieces.length === 0 ? last : pieces.join('') + last)
    pieces = []
    chars = 0
  }
  return {
    put(text) {
      let start = 0
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', start)) {
        flush(text.slice(start, at))
        start = at + 1
      }
      if (start === text.length) return
      pieces.push(text.slice(start))
      chars += text.length - start
      if (chars > maxChars) flush('')
    },
    end() {
      if (chars > 0) flush('')
    },
  }
}
