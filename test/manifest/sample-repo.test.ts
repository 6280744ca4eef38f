import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { formatLimits, formatProblem } from '../../src/model/index.js'
import type { ServiceSpec } from '../../src/model/index.js'
import { declaredPorts } from '../../src/names/index.js'
import { desiredOf } from './repository.js'

const root = new URL('../../sample-repo/', import.meta.url)

function sampleRepository(): Readonly<Record<string, string>> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => `${entry.parentPath}/${entry.name}`.replace(root.pathname, '').replace(/^\//, ''))
  return Object.fromEntries(paths.map((path) => [path, readFileSync(new URL(path, root), 'utf8')]))
}

const GOLDEN = `
api: replicated × 2, busybox:1.36 (missing), restart unless-stopped, grace 5000
  runs ["sh","/etc/shop/start.sh"] with {"ORDER_LIMIT":"20"}
  files /etc/shop/orders.cgi ← stacks/shop/api/orders.cgi, /etc/shop/start.sh ← stacks/shop/api/start.sh
  health CMD wget -q -T 1 -O /dev/null http://127.0.0.1:8081/healthz
  place spread node.labels.zone
  update by safety, monitor 2000, deadline 30000, canary 20 % 30000, 50 % 30000
  after migrate service_completed_successfully, store service_healthy
  reached route shop.example.com/orders → 8081, tls off, name at 8081
migrate: job × 1, busybox:1.36 (missing), restart no, grace 10000
  runs ["sh","/etc/shop/migrate.sh"] with {"SCHEMA_VERSION":"7"}
  files /etc/shop/migrate.sh ← stacks/shop/migrate/migrate.sh
  health none
  update by safety, monitor 5000, deadline 30000
  after store service_healthy
store: replicated × 1, busybox:1.36 (missing), restart unless-stopped, grace 5000
  runs ["sh","/etc/shop/start.sh"] with {}
  files /etc/shop/start.sh ← stacks/shop/store/start.sh
  mount /data shop_stock
  health CMD wget -q -T 1 -O /dev/null http://127.0.0.1:8082/stock.txt
  place node.labels.disk == ssd
  update by safety, monitor 2000, deadline 30000
  reached name at 8082
web: replicated × 4, busybox:1.36 (missing), restart unless-stopped, grace 5000
  runs ["sh","/etc/shop/start.sh"] with {"CURRENCY":"EUR","GREETING":"Welcome to The Corner Shop"}
  files /etc/shop/page.html ← stacks/shop/web/page.html, /etc/shop/start.sh ← stacks/shop/web/start.sh
  health CMD wget -q -T 1 -O /dev/null http://127.0.0.1:8080/healthz
  place node.labels.tier == web, spread node.labels.zone
  limits memory=67108864 pids=50
  update start-first, monitor 2000, deadline 30000
  reached port 8080 → http 8080, route shop.example.com/ → 8080, tls off, name at 8080
  probe http 8080
worker: replicated × 1, busybox:1.36 (missing), restart unless-stopped, grace 10000
  runs ["sh","/etc/shop/loop.sh"] with {"PACK_SECONDS":"2"}
  files /etc/shop/loop.sh ← stacks/shop/worker/loop.sh
  health CMD-SHELL test $(( $(date +%s) - $(cat /tmp/alive) )) -lt 10
  update stop-first, monitor 2000, deadline 30000
  after api service_started
`

function summary(spec: ServiceSpec): string {
  const { constraints, spread } = spec.placement
  return [
    `${spec.name}: ${spec.mode} × ${spec.replicas}, ${spec.image} (${spec.pullPolicy}), restart ${spec.restart.condition}, grace ${spec.stopGraceMs}`,
    `  runs ${JSON.stringify(spec.command)} with ${JSON.stringify(spec.environment)}`,
    `  files ${spec.files.map(({ target, source }) => `${target} ← ${source}`).join(', ')}`,
    ...spec.mounts.map((mount) => `  mount ${mount.target} ${mount.kind === 'volume' ? mount.source : mount.kind}`),
    `  health ${spec.healthcheck?.test?.join(' ') ?? 'none'}`,
    `  place ${[...constraints.map(({ key, op, value }) => `${key} ${op} ${value}`), ...spread.map((key) => `spread ${key}`)].join(', ')}`,
    `  limits ${formatLimits(spec)}`,
    `  update ${spec.update.order ?? 'by safety'}, monitor ${spec.update.monitorMs}, deadline ${spec.rollout.healthyDeadlineMs}${stepsOf(spec)}`,
    `  after ${spec.dependsOn.map(({ service, condition }) => `${service} ${condition}`).join(', ')}`,
    `  reached ${reachedBy(spec).join(', ')}`,
    `  probe ${spec.probe === null ? 'none' : `${spec.probe.kind} ${spec.probe.port}`}`,
  ]
    .filter((line) => !/(place|limits|after|probe none|files|reached) *$/.test(line))
    .join('\n')
}

function stepsOf({ rollout: { strategy } }: ServiceSpec): string {
  if (strategy?.kind !== 'canary') return ''
  return `, canary ${strategy.steps.map(({ percent, holdMs }) => `${percent} % ${holdMs}`).join(', ')}`
}

/** By published port, by route, and by name at which ports. */
function reachedBy(spec: ServiceSpec): readonly string[] {
  const { balanced = [], routes = [] } = spec
  return [
    ...balanced.map(({ published, target, protocol }) => `port ${published} → ${protocol} ${target}`),
    ...routes.map(({ hosts, path, target, tls }) => `route ${hosts.join(' ')}${path} → ${target}, tls ${tls.kind}`),
    ...declaredPorts(spec).map((port) => `name at ${port}`),
  ]
}

describe('the sample repository', () => {
  const desired = desiredOf(sampleRepository())

  it('loads without a problem or a warning', () => {
    expect(desired.stacks.map(({ kind, name }) => [name, kind])).toEqual([
      ['shop', 'valid'],
      ['slipway', 'valid'],
    ])
    expect(desired.warnings.map(formatProblem)).toEqual([])
  })

  it('has three labelled servers', () => {
    expect(desired.fleet.name).toBe('acme')
    expect(desired.fleet.servers.map(({ name, labels }) => [name, labels])).toEqual([
      ['lon-1', { disk: 'ssd', tier: 'web', zone: 'lon-a' }],
      ['lon-2', { disk: 'hdd', tier: 'web', zone: 'lon-b' }],
      ['par-1', { disk: 'hdd', tier: 'web', zone: 'par-a' }],
    ])
  })

  it('is the shop that its README tells of', () => {
    const entry = desired.stacks.find(({ name }) => name === 'shop')
    const services = entry?.kind === 'valid' ? entry.stack.services : []
    expect(`\n${services.map(summary).join('\n')}\n`).toBe(GOLDEN)
  })
})
