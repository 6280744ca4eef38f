import { answerOf } from './health-monitor.js'
import { findContainer, later } from './machine.js'
import type { Machine } from './machine.js'
import { openStream } from './event-log.js'
import type { OpenStream } from './event-log.js'
import { notRunning } from './lifecycle.js'
import { done, listOf, refuse } from './reply.js'
import type { Json, Reply } from './reply.js'

export function createExec(machine: Machine, key: string, body: Json): Reply {
  const container = findContainer(machine, key)
  if (container === undefined) return refuse(404, `No such container: ${key}`)
  if (!container.flags.running) return notRunning(machine, container)
  if (container.flags.paused) return refuse(409, `Container ${key} is paused, unpause the container before exec`)
  if (container.flags.restarting)
    return refuse(409, `Container ${key} is restarting, wait until the container is running`)
  if (listOf(body['Cmd']).length === 0) return refuse(400, 'No exec command specified')
  forgetOld(machine)
  const id = machine.options.newId()
  machine.execs.set(id, { id, container, body, running: false, exitCode: null, end: null })
  return done(201, { Id: id })
}

/** The engine forgets ended ones after some minutes; here they are counted. */
const EXECS_KEPT = 200

function forgetOld({ execs }: Machine): void {
  for (const [id, { running }] of execs) {
    if (execs.size < EXECS_KEPT) return
    if (!running) execs.delete(id)
  }
}

/** Whatever is run answers as the healthcheck of the container does. */
export function startExec(machine: Machine, id: string): Reply | OpenStream {
  const exec = machine.execs.get(id)
  if (exec === undefined) return refuse(404, `No such exec instance: ${id}`)
  if (exec.running || exec.exitCode !== null) return refuse(409, `exec ${id} has already run`)
  const { container } = exec
  const { process } = container
  if (!container.flags.running || process === null) return notRunning(machine, container)
  const stream = openStream()
  exec.running = true
  let cancel = (): void => undefined
  exec.end = (exitCode) => {
    cancel()
    machine.calls.delete(stream.cut)
    exec.running = false
    exec.exitCode = exitCode
    exec.end = null
    stream.end()
  }
  machine.calls.add(stream.cut)
  stream.onClose(() => machine.calls.delete(stream.cut))
  const { checkMs, output } = process.behaviour
  if (checkMs !== null) {
    cancel = later(machine, machine.times.execMs + checkMs, () => {
      if (output !== '') stream.write(frameOf(`${output}\n`))
      exec.end?.(answerOf(machine, container))
    })
  }
  return stream
}

export function inspectExec(machine: Machine, id: string): Reply {
  const exec = machine.execs.get(id)
  if (exec === undefined) return refuse(404, `No such exec instance: ${id}`)
  const { running, exitCode, container } = exec
  return done(200, { ID: id, Running: running, ExitCode: exitCode, ContainerID: container.id })
}

/** As the engine frames what a process says: kind, length, text. */
export function frameOf(text: string): Buffer {
  const body = Buffer.from(text)
  const header = Buffer.alloc(8)
  header.writeUInt8(1, 0)
  header.writeUInt32BE(body.length, 4)
  return Buffer.concat([header, body])
}
