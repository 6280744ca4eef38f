import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Lab, LabServer } from '../lab/index.js'

/** One call of the engine's API, as the engine wrote it down. */
export interface ApiCall {
  readonly server: string
  readonly method: string
  readonly path: string
}

export interface Traffic {
  /** Calls that came by a version of the API, as Slipway's do and {@link Engines}' do not. */
  readonly calls: readonly ApiCall[]
  /** Logins that sshd accepted, by server. */
  readonly logins: readonly string[]
}

/** What the servers themselves wrote down from a moment on. The engines must run with `debug: true`. */
export class ServerLogs {
  private readonly lab: Lab
  private readonly marks: ReadonlyMap<string, number>

  constructor(lab: Lab) {
    this.lab = lab
    this.marks = new Map(lab.servers.flatMap((server) => logsOf(server).map((path) => [path, statSync(path).size])))
  }

  read(): Traffic {
    const lines = (server: LabServer, index: 0 | 1): readonly string[] => {
      const path = logsOf(server)[index]
      return readFileSync(path)
        .subarray(this.marks.get(path) ?? 0)
        .toString('utf8')
        .split('\n')
    }
    return {
      calls: this.lab.servers.flatMap((server) => lines(server, 0).flatMap((line) => callIn(server.name, line))),
      logins: this.lab.servers.flatMap((server) =>
        lines(server, 1)
          .filter((line) => line.includes('Accepted '))
          .map(() => server.name),
      ),
    }
  }
}

function logsOf(server: LabServer): readonly [string, string] {
  return [join(server.dir, 'dockerd.log'), join(server.dir, 'sshd.log')]
}

/** `msg="Calling GET /v1.41/containers/json?all=1"`, and newer engines `msg="handling GET request" … request-url=/v1.45/…`. */
function callIn(server: string, line: string): readonly ApiCall[] {
  const old = /msg="Calling ([A-Z]+) (\/v[0-9.]+\/[^"\s]*)"/.exec(line)
  if (old !== null) return [{ server, method: old[1] ?? '', path: old[2] ?? '' }]
  const method = /\bmethod="?([A-Z]+)/.exec(line)?.[1]
  const path = /\brequest-url="?(\/v[0-9.]+\/[^"\s]*)/.exec(line)?.[1]
  return method === undefined || path === undefined ? [] : [{ server, method, path }]
}

/** Calls that may change something. Asking a healthcheck's command is an exec, which the engine does by itself all the time. */
export function mutating(traffic: Traffic): readonly string[] {
  return traffic.calls
    .filter(({ method }) => method !== 'GET' && method !== 'HEAD')
    .map(({ server, method, path }) => `${server}: ${method} ${path}`)
}
