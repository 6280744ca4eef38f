import { fail } from '../model/index.js'
import type { Address, HostKey, Problem, Result } from '../model/index.js'
import { connectSsh, hostPattern } from '../ssh/index.js'
import type { Logins, SshConnection, SshFailure } from '../ssh/index.js'
import type { DriverLimits } from './options.js'

/** A server as it is logged in to. */
export interface ServerLogin {
  readonly server: string
  readonly address: Extract<Address, { readonly kind: 'ssh' }>
  /** Where to dial, when the ssh configuration says another name than the address. */
  readonly dialHost: string
  readonly hostKey: HostKey
  readonly logins: Logins
  readonly limits: DriverLimits
}

/** Problems: SERVER_UNREACHABLE, SERVER_AUTH, HOST_KEY_UNKNOWN, HOST_KEY_MISMATCH. */
export async function logInToServer(login: ServerLogin): Promise<Result<SshConnection>> {
  const { host, port, user } = login.address
  const connected = await connectSsh({ ...login, host, port, user })
  return connected.ok ? connected : fail(problemOf(login, connected.problem))
}

function problemOf(login: ServerLogin, failure: SshFailure): Problem {
  const { server, address } = login
  const shows = `server ${server} (${hostPattern(address)}) shows the host key`
  switch (failure.kind) {
    case 'unreachable': {
      const message = `server ${server} cannot be reached at ${address.host}:${address.port}: ${failure.why}`
      return { code: 'SERVER_UNREACHABLE', message, server }
    }
    case 'login-refused': {
      const remedy = `put the public key into ~${address.user}/.ssh/authorized_keys on the server, or give the right key to the controller`
      return stalled(
        'SERVER_AUTH',
        login,
        `server ${server} refuses the login as ${address.user}: ${failure.tried}`,
        remedy,
      )
    }
    case 'host-key-unknown': {
      const remedy = `compare the fingerprint with \`ssh-keygen -lf\` on the server, then add under servers.${server} in slipway.yaml: host_key: ${failure.seen}`
      return stalled(
        'HOST_KEY_UNKNOWN',
        login,
        `${shows} ${failure.seen}, and ${failure.why}; nothing was sent`,
        remedy,
      )
    }
    case 'host-key-mismatch': {
      const remedy = failure.isRevoked
        ? 'give the server a new host key and pin that'
        : 'somebody may stand between; if the server was reinstalled, compare with `ssh-keygen -lf` on it and pin the new fingerprint'
      return stalled('HOST_KEY_MISMATCH', login, `${shows} ${failure.seen}, ${failure.why}; nothing was sent`, remedy)
    }
  }
}

function stalled(code: Problem['code'], { server }: ServerLogin, message: string, remedy: string): Problem {
  return { code, message: `${message}; ${remedy}`, server, next: { kind: 'stalled', remedy } }
}
