import { seatKey } from './layout.js'
import type { Listener } from './layout.js'

/** Of `.if defined(…)`: the proxy's start sets it where the server has IPv6, as binding to it fails where it has not. */
export const IPV6_VARIABLE = 'SLIPWAY_IPV6'

/** A frontend is named after where it listens: by that it is known which ports a proxy has. */
export function frontendName({ address, port }: Listener): string {
  return `in_${address === '' ? 'any' : address.replaceAll(':', '-')}_${port}`
}

/** Where a frontend listens, by its name; null: at all addresses, or it is none of ours. */
export function addressOf(frontend: string): Listener | null {
  const [, address, port] = /^in_([0-9.]{7,15})_([0-9]{1,5})$/.exec(frontend) ?? []
  return address === undefined ? null : { address, port: Number(port) }
}

export function bindLines({ address, port }: Listener, options: string): readonly string[] {
  if (address !== '') return [`  bind ${seatKey({ address, port })}${options}`]
  return [
    `  bind 0.0.0.0:${port}${options}`,
    `.if defined(${IPV6_VARIABLE})`,
    `  bind [::]:${port} v6only${options}`,
    '.endif',
  ]
}
