import type { Observation, Problem } from '../model/index.js'
import type { CertificateSurroundings } from './certificate-port.js'
import { Proxies } from './proxies.js'
import type { Ports } from './ports.js'

/** Null: nobody is there to tell them anything. */
export function openProxies(
  { ingress, clock, log }: Ports,
  watch: { observation(): Observation },
  changed: (stack: string) => void,
  surroundings: CertificateSurroundings,
): Proxies | null {
  if (ingress === undefined) return null
  ingress.certificates?.attach(surroundings)
  const failed = (server: string, { code, message: problem }: Problem): void =>
    log({ atMs: clock.nowMs(), level: 'warn', message: 'proxy failed', fields: { server, code, problem } })
  return new Proxies({ ...ingress, clock, observation: () => watch.observation(), changed, failed })
}
