import { stat, statfs } from 'node:fs/promises'
import { connect } from 'node:net'
import type { NetConnectOpts, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { fail, ok } from '../model/index.js'
import type { Problem, Result } from '../model/index.js'
import type { DiskSpace, Route, TcpFailure } from './route.js'
import { textOf } from './problem-error.js'

/** The engine of the controller's own machine, by its socket. */
export function localRoute(server: string, socketPath: string, connectMs: number): Route {
  const open = new Set<Socket>()
  const dial = async (options: NetConnectOpts): Promise<Result<Socket, NodeJS.ErrnoException>> => {
    const dialled = await dialSocket(options, connectMs)
    if (dialled.ok) {
      open.add(dialled.value)
      dialled.value.once('close', () => open.delete(dialled.value))
    }
    return dialled
  }
  return {
    async openEngine(): Promise<Result<Duplex>> {
      const dialled = await dial({ path: socketPath })
      return dialled.ok ? dialled : fail(engineProblem(server, socketPath, dialled.problem))
    },
    async openTcp(host: string, port: number): Promise<Result<Duplex, TcpFailure>> {
      const dialled = await dial({ host, port, noDelay: true })
      return dialled.ok ? dialled : fail({ kind: 'refused', message: textOf(dialled.problem) })
    },
    async openSocket(path: string): Promise<Result<Duplex, string>> {
      const dialled = await dial({ path })
      return dialled.ok ? dialled : fail(textOf(dialled.problem))
    },
    async engineGroup(): Promise<Result<number, string>> {
      try {
        return ok((await stat(socketPath)).gid)
      } catch (error) {
        return fail(`${socketPath} cannot be looked at (${textOf(error)})`)
      }
    },
    async diskOf(path: string): Promise<Result<DiskSpace, string>> {
      try {
        const { bsize, bavail, blocks } = await statfs(path)
        return ok({ freeBytes: bsize * bavail, totalBytes: bsize * blocks })
      } catch (error) {
        return fail(`${path} cannot be looked at (${textOf(error)})`)
      }
    },
    isNarrow: () => false,
    onLost: () => undefined,
    close() {
      for (const socket of open) socket.destroy()
      return Promise.resolve()
    },
  }
}

function dialSocket(options: NetConnectOpts, connectMs: number): Promise<Result<Socket, NodeJS.ErrnoException>> {
  return new Promise((resolve) => {
    const socket = connect(options)
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${connectMs} ms`)), connectMs)
    socket.on('error', (error) => {
      clearTimeout(timer)
      resolve(fail(error))
    })
    socket.once('connect', () => {
      clearTimeout(timer)
      resolve(ok(socket))
    })
  })
}

function engineProblem(server: string, socketPath: string, error: NodeJS.ErrnoException): Problem {
  const remedy =
    error.code === 'EACCES'
      ? 'run the controller as a user of the group docker'
      : error.code === 'ENOENT'
        ? 'install the Docker Engine, or name its socket under engine: in slipway.yaml'
        : 'start the Docker Engine'
  const message = `the engine of ${server} does not answer at ${socketPath} (${error.code ?? textOf(error)}); ${remedy}`
  return { code: 'ENGINE_UNREACHABLE', message, server }
}
