import type { AcmeSettings, Place, Problem, ServiceSpec, StackEntry } from '../model/index.js'
import { routeClaim } from './compose/routes.js'
import { quoted } from './node.js'
import { placeOfClaim } from './port-twins.js'
import type { Claims } from './port-twins.js'

/** Routes with `tls: acme` that nobody could get a certificate for, by what slipway.yaml says of the authority. */
export function acmeProblems(
  entries: readonly StackEntry[],
  claims: Claims,
  acme: AcmeSettings | undefined,
): readonly Problem[] {
  return entries.flatMap((entry) => {
    if (entry.kind === 'invalid') return []
    const { stack } = entry
    return stack.services.flatMap((spec) =>
      problemsOf(spec, acme, (at) => placeOfClaim(claims, stack, routeClaim(spec.name, at))),
    )
  })
}

function problemsOf(
  { stack, name, routes = [] }: ServiceSpec,
  acme: AcmeSettings | undefined,
  placeOf: (route: number) => Place,
): readonly Problem[] {
  return routes.flatMap(({ tls, hosts }, at): readonly Problem[] => {
    if (tls.kind !== 'acme') return []
    const about = { place: placeOf(at), stack, service: name }
    if (acme === undefined) {
      const message = `a route of ${quoted(name)} has \`tls: acme\`, and slipway.yaml does not say who gives certificates; write \`acme:\` under \`ingress:\``
      return [{ code: 'FIELD_MISSING', message, ...about }]
    }
    const wild = hosts.find((host) => host.startsWith('*.'))
    if (wild === undefined || acme.challenge === 'dns-01') return []
    const message = `authorities give certificates for ${wild} by DNS alone; write \`challenge: dns-01\` under \`ingress.acme\` in slipway.yaml, or name the hosts`
    return [{ code: 'CONFLICT', message, ...about }]
  })
}
