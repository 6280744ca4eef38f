import { Duplex } from 'node:stream'
import type { Channel } from 'ssh2'
import { asSocket } from '../../src/ssh/index.js'

/** A channel on which the whole answer and the end come at once when something is asked, as when ssh gives both in one segment. */
export function streamThatSays(answer: Buffer | string): Duplex {
  let hasSaid = false
  const stream = new Duplex({
    allowHalfOpen: false,
    read: () => undefined,
    write(_chunk, _encoding, done) {
      if (!hasSaid) {
        hasSaid = true
        this.push(answer)
        this.push(null)
      }
      done()
    },
  })
  return asSocket(stream as Channel)
}
