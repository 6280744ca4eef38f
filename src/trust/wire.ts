/** Reads the types of RFC 4251 §5. Throws where the bytes end too soon. */
export class WireReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  bytes(length: number): Buffer {
    if (this.#at + length > this.#bytes.byteLength) throw new RangeError('the bytes end too soon')
    const found = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return found
  }

  uint32(): number {
    return this.bytes(4).readUInt32BE(0)
  }

  string(): Buffer {
    return this.bytes(this.uint32())
  }

  /** A positive number without its leading zeros. */
  integer(): Buffer {
    const bytes = this.string()
    const start = bytes.findIndex((byte) => byte !== 0)
    return bytes.subarray(start < 0 ? bytes.byteLength : start)
  }

  rest(): Buffer {
    return this.bytes(this.#bytes.byteLength - this.#at)
  }

  isAtEnd(): boolean {
    return this.#at === this.#bytes.byteLength
  }
}

export function wireString(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.byteLength)
  return Buffer.concat([length, bytes])
}
