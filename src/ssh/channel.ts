import type { Duplex } from 'node:stream'
import type { Channel } from 'ssh2'
import { fail, ok } from '../model/index.js'
import type { Result } from '../model/index.js'
import { textOf } from './failure.js'

/** `reason` is the number of RFC 4254 §5.1; null when the server gave none. */
export interface ChannelRefusal {
  readonly reason: number | null
  readonly message: string
}

/** Opens a channel within a deadline; one that comes too late is closed. ssh2 throws at once when the connection is gone. */
export function openChannel<C extends Channel>(
  open: (done: (error: Error | undefined, channel: C) => void) => unknown,
  deadlineMs: number,
): Promise<Result<C, ChannelRefusal>> {
  return new Promise((resolve) => {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      resolve(fail({ reason: null, message: `no channel within ${deadlineMs} ms` }))
    }, deadlineMs)
    const settle = (result: Result<C, ChannelRefusal>): void => {
      clearTimeout(timer)
      resolve(result)
    }
    try {
      open((error, channel) => {
        if (error) return settle(fail(refusalOf(error)))
        channel.on('error', () => undefined)
        if (isLate || !hasRoom(channel)) {
          channel.destroy()
          return settle(fail({ reason: null, message: 'the server offers a channel that takes no data' }))
        }
        settle(ok(channel))
      })
    } catch (error) {
      settle(fail({ reason: null, message: textOf(error) }))
    }
  })
}

/** With a packet size of 0 ssh2's write loop never ends (its issue 1504): no timer could save the process. */
function hasRoom(channel: Channel): boolean {
  const { outgoing } = channel as unknown as { readonly outgoing?: { readonly packetSize?: unknown } }
  return typeof outgoing?.packetSize === 'number' && outgoing.packetSize > 0
}

function refusalOf(error: Error & { reason?: unknown }): ChannelRefusal {
  return { reason: typeof error.reason === 'number' ? error.reason : null, message: textOf(error) }
}

/** Gives a channel what http takes for granted of a net.Socket, and a destroy that may come twice. */
export function asSocket(channel: Channel): Duplex {
  const self = (): Channel => channel
  const destroy = channel.destroy.bind(channel)
  let isDestroyed = false
  return Object.assign(channel, {
    setKeepAlive: self,
    setNoDelay: self,
    setTimeout: self,
    ref: self,
    unref: self,
    destroySoon: () => channel.destroy(),
    destroy: (error?: Error): Channel => {
      if (isDestroyed) return channel
      isDestroyed = true
      if (error) channel.emit('error', error)
      return destroy()
    },
  })
}
