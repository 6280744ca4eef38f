import { CLOSED_MINUTES, PLAIN, zoneOf } from './drafts.js'
import type { Draft, GuardDraft, ServiceDraft, StackDraft } from './drafts.js'
import type { Files } from './git.js'

const UNGUARDED: GuardDraft = Object.freeze({ signed: null, approvable: true, windows: false, pinned: false })

export function filesOf(draft: Draft): Files {
  const files = new Map<string, string>([['slipway.yaml', fleetFile(draft)]])
  for (const [name, services] of Object.entries(draft.stacks)) {
    files.set(`stacks/${name}/compose.yaml`, composeFile(name, services, draft))
    for (const [service, { config }] of Object.entries(services))
      if (config !== null) files.set(`stacks/${name}/${service}.conf`, `setting ${config}\n`)
  }
  for (const [path, text] of Object.entries(draft.broken)) files.set(path, text)
  return files
}

function fleetFile(draft: Draft): string {
  const servers = draft.servers.map(
    (name, index) =>
      `  ${name}: { address: 10.0.0.${index + 1}, host_key: 'SHA256:${'a'.repeat(43)}', labels: { zone: ${zoneOf(name)} } }\n`,
  )
  const { signed, approvable, windows, pinned } = draft.guards ?? UNGUARDED
  const guards = [
    `prune: ${Math.round(draft.prune * 100)}%`,
    `history: ${draft.history}`,
    ...(signed === null ? [] : [`signed_by: { commits: ${signed}, approve: ${approvable} }`]),
    ...(pinned ? ['plan: pinned'] : []),
  ]
  const closed = windows ? `windows: [{ deny: '0 * * * *', duration: ${CLOSED_MINUTES}m }]\n` : ''
  const acme = draft.acme === true ? 'ingress: { acme: { terms_agreed: true } }\n' : 'ingress: true\n'
  const ingress = draft.ingress === true ? acme : ''
  return `fleet: acme\nservers:\n${servers.join('')}guards: { ${guards.join(', ')} }\n${closed}${ingress}`
}

/** What all files of a repository have in common. */
type About = Pick<Draft, 'acme' | 'asked'>

/** The host of a service's routes. */
export function hostOf(stack: string, service: string): string {
  return `${service}.${stack}.test`
}

/** Of the path that services of all stacks share. */
export const SHARED_HOST = 'shared.test'

function composeFile(stack: string, services: StackDraft, draft: About): string {
  const names = Object.keys(services).sort()
  const bodies = names.map((name) => serviceText(hostOf(stack, name), name, services[name] ?? PLAIN, draft))
  const volumes = names.filter((name) => services[name]?.volume === true)
  const configs = names.filter((name) => services[name]?.config !== null)
  return [
    names.length === 0 ? 'services: {}\n' : `services:\n${bodies.join('')}`,
    volumes.length > 0 ? `volumes:\n${volumes.map((name) => `  ${name}_data:\n`).join('')}` : '',
    configs.length > 0 ? `configs:\n${configs.map((name) => `  ${name}: { file: ./${name}.conf }\n`).join('')}` : '',
  ].join('')
}

function serviceText(host: string, name: string, service: ServiceDraft, draft: About): string {
  const { mode, tag } = service
  const check = `test: [CMD, 'true'], interval: 5s, timeout: 3s, retries: 2${service.startPeriod ? ', start_period: 10s' : ''}`
  const update = [
    `parallelism: ${service.parallelism}`,
    ...(service.order === null ? [] : [`order: ${service.order}`]),
    ...(service.delay === null ? [] : [`delay: ${service.delay}`]),
    ...(service.monitor === null ? [] : [`monitor: ${service.monitor}`]),
    ...(service.failureAction === null ? [] : [`failure_action: ${service.failureAction}`]),
    ...(service.ratio === 0 ? [] : [`max_failure_ratio: ${service.ratio}`]),
  ].join(', ')
  const deploy = [
    mode === 'replicated'
      ? `replicas: ${service.replicas}`
      : mode === 'global'
        ? 'mode: global'
        : 'mode: replicated-job',
    `update_config: { ${update} }`,
    ...(service.zone === null ? [] : [`placement: { constraints: ['node.labels.zone == ${service.zone}'] }`]),
    ...resourcesText(service),
  ].join(', ')
  const lines = [
    `image: ${name}:${tag}`,
    `restart: ${mode === 'job' ? "'no'" : service.restart === 'no' ? "'no'" : service.restart}`,
    `environment: { RELEASE: '${service.env}' }`,
    ...(service.checked && mode !== 'job' ? [`healthcheck: { ${check} }`] : []),
    `deploy: { ${deploy} }`,
    ...(service.dependsOn.length === 0
      ? []
      : [`depends_on: { ${service.dependsOn.map((on) => `${on}: { condition: service_started }`).join(', ')} }`]),
    ...(service.volume ? [`volumes: ['${name}_data:/data']`] : []),
    ...(service.port === null ? [] : [`ports: ['${service.port}:80']`]),
    ...(service.config === null ? [] : [`configs: [${name}]`]),
    ...(mode === 'job' ? [] : [slipwayText(host, service, draft)]),
  ]
  return `  ${name}:\n${lines.map((line) => `    ${line}\n`).join('')}`
}

function resourcesText({ memory, reserve }: ServiceDraft): readonly string[] {
  const parts = [
    ...(memory === null ? [] : [`limits: { memory: ${memory} }`]),
    ...(reserve === null ? [] : [`reservations: { memory: ${reserve} }`]),
  ]
  return parts.length === 0 ? [] : [`resources: { ${parts.join(', ')} }`]
}

function slipwayText(host: string, service: ServiceDraft, draft: About): string {
  const tls = draft.acme === true ? 'acme' : 'off'
  const isAsked = draft.asked === true && strategyText(service).includes('canary')
  const checks = isAsked ? `, checks: [{ name: judge, http: { url: 'http://${host}' }, interval: 5s }]` : ''
  const probe = service.probed ? ', probe: { tcp: { port: 80 } }' : ''
  const route = `{ host: ${host}, path: /r${service.replicas}, port: 80, tls: ${tls} }`
  const other = `{ host: ${host}, port: 80${tls === 'acme' ? ', tls: acme' : ''} }`
  const all = [
    ...(service.routed ? [route, other] : []),
    ...(service.weight === undefined ? [] : [`{ host: ${SHARED_HOST}, port: 80, weight: ${service.weight} }`]),
  ]
  const routes = all.length === 0 ? '' : `, routes: [${all.join(', ')}]`
  return `x-slipway: { rollout: { healthy_deadline: 60s, progress_deadline: 4m, scope: ${service.scope}${strategyText(service)}${checks} }${probe}${routes} }`
}

const STRATEGIES = {
  canary: 'strategy: canary, steps: [20% 20s, 60% 20s]',
  'blue-green': 'strategy: blue-green',
} as const

/** Nothing where the manifest would be refused for it. */
function strategyText({ strategy, port, mode, volume, order, failureAction }: ServiceDraft): string {
  const isPossible =
    port !== null && mode !== 'job' && !volume && order !== 'stop-first' && failureAction !== 'continue'
  return strategy === undefined || !isPossible ? '' : `, ${STRATEGIES[strategy]}`
}
