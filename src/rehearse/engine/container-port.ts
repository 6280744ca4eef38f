import { Duplex } from 'node:stream'
import { fail, ok } from '../../model/index.js'
import type { Result } from '../../model/index.js'
import type { TcpFailure } from '../../driver/index.js'
import { isReadyAt } from './behaviour.js'
import type { Machine, SimContainer } from './machine.js'

/** A connection to a container at its address, as from the server itself. Who is not ready refuses it. */
export function openPort(machine: Machine, host: string, port: number): Result<Duplex, TcpFailure> {
  const container = containerAt(machine, host)
  if (container === undefined) return fail({ kind: 'refused', message: `connect ${host}:${port}: no route to host` })
  const { process } = container
  const isReady =
    process !== null && !process.isFrozen && isReadyAt(process.behaviour, machine.clock.nowMs() - process.startedAtMs)
  return isReady ? ok(webServer()) : fail({ kind: 'refused', message: `connect ${host}:${port}: connection refused` })
}

function containerAt(machine: Machine, host: string): SimContainer | undefined {
  for (const { driver, endpoints } of machine.networks.values()) {
    for (const [id, address] of endpoints) {
      if (address === host || (driver === 'host' && host === '127.0.0.1')) return machine.containers.get(id)
    }
  }
  return undefined
}

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'

/** Answers any request with 200. */
function webServer(): Duplex {
  let asked = ''
  const stream = new Duplex({
    read: () => undefined,
    write(chunk: Buffer, _encoding, next) {
      asked += chunk.toString('latin1')
      if (asked.includes('\r\n\r\n')) {
        asked = ''
        stream.push(ANSWER)
        stream.push(null)
      }
      next()
    },
  })
  return stream
}
