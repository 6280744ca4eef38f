import type { HostPort } from './observation.js'

const ANY_ADDRESS: ReadonlySet<string> = new Set(['', '0.0.0.0', '::'])

/** Whether two of them cannot be held at once on one server. */
export function portsClash(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && a.protocol === b.protocol && (isAny(a) || isAny(b) || a.hostIp === b.hostIp)
}

function isAny(port: HostPort): boolean {
  return ANY_ADDRESS.has(port.hostIp)
}
