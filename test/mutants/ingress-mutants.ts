import type { Mutant } from './mutant.js'

const ROTATION = 'src/rollout/rotation.ts'
const STEPS = 'src/rollout/change-steps.ts'
const STEP = 'src/rollout/step.ts'
const TABLES = 'src/ingress/tables.ts'
const PLAN = 'src/ingress/plan-proxy.ts'
const PHASE = 'src/controller/rotation.ts'
const PROXIES = 'src/controller/proxies.ts'
const SHARES = 'src/controller/share-book.ts'
const ENDPOINTS = 'src/controller/endpoints.ts'
const DECIDE = 'src/controller/decide.ts'
const ADDRESSES = 'src/names/addresses.ts'
const GIVEN = 'src/names/given.ts'
const NAMES = 'src/controller/names.ts'

/** Who gets connections, and who gets none any more before it is stopped. */
export const INGRESS_MUTANTS: readonly Mutant[] = [
  {
    file: 'src/ingress/routes.ts',
    find: "(isReady || claim.route.redirect.kind === 'to' ? 2 : 0) + (claim.isWanted ? 1 : 0)",
    put: '(claim.isWanted ? 2 : 0) + (isReady ? 1 : 0)',
    breaks: 'a route goes to a service that is not ready, though the one that had it is',
  },
  {
    file: 'src/controller/rotation.ts',
    find: 'return replica.keys.filter((key) => letsIn(own, id, key, replica)).map(',
    put: 'const isIn = replica.keys.every((key) => letsIn(own, id, key, replica))\n      return (isIn ? replica.keys : []).map(',
    breaks: 'a service that gets a route is out of its other ports meanwhile',
  },
  {
    file: 'src/ingress/route-words.ts',
    find: 'text.length <= 253 && HOST.test(text) && isIP(text) === 0',
    put: "text.length <= 253 && (HOST.test(text) || text.includes('.')) && isIP(text) === 0",
    breaks: 'a host name from a manifest becomes words of a configuration',
  },
  {
    file: 'src/ingress/front-places.ts',
    find: "const plain = redirect.kind === 'https' && isSecured ? TO_HTTPS : own",
    put: "const plain = redirect.kind === 'https' && (isSecured || tls.kind === 'acme') ? TO_HTTPS : own",
    breaks: 'clients are sent to https before there is a certificate',
  },
  {
    file: 'src/ingress/front-commands.ts',
    find: 'if (seen?.digest === digest) return []',
    put: 'if (seen?.digest === digest || (seen?.nextVersion ?? -1) >= 0) return []',
    breaks: 'a proxy that runs goes on with the routes of before',
  },
  {
    file: 'src/ingress/manner.ts',
    find: "? ['http-request deny deny_status 403']",
    put: '? []',
    breaks: 'a route whose users are all unreadable lets everybody in',
  },
  {
    file: 'src/controller/front-keeper.ts',
    find: 'open.every(({ tokens }) => tokens.includes(token))',
    put: 'open.some(({ tokens }) => tokens.includes(token))',
    breaks: 'an authority is asked to look before all proxies answer',
  },
  {
    file: 'src/manifest/route-twins.ts',
    find: "return tls.kind === 'own' ? tls.pem : tls.kind",
    put: 'return tls.kind',
    breaks: 'a host gets one of two certificates by chance',
  },
  {
    file: 'src/ingress/routes.ts',
    find: '(weightOf(rival) === 0 ? rival.rank % 2 : rival.rank)',
    put: 'rival.rank',
    breaks: 'a path that a service gave up goes to one that is to have nothing of it',
  },
  {
    file: 'src/ingress/routes.ts',
    find: 'weightOf(rival) !== undefined && (rival.wanted !== null) === isWanted',
    put: 'weightOf(rival) !== undefined && (isWanted || rival.wanted === null)',
    breaks: 'a service that gave up its share of a path keeps it until its rollout ends',
  },
  {
    file: 'src/ingress/routes.ts',
    find: 'return known !== undefined && known.rank >= rank ? { ...known, wanted }',
    put: 'return known !== undefined && known.rank >= rank ? known',
    breaks: 'a service that moves its port loses its share of a path meanwhile',
  },
  {
    file: 'src/ingress/front-places.ts',
    find: 'const meant = weighty.length > 0 ? weighty : sharers',
    put: 'const meant = sharers',
    breaks: 'a service that is to have nothing of a path is asked where others have nobody',
  },
  {
    file: 'src/ingress/front-places.ts',
    find: 'const asked = serving.length > 0 ? serving : meant',
    put: 'const asked = serving.length > 9 ? serving : meant',
    breaks: 'a share of a path is answered with 503 while others serve',
  },
  {
    file: 'src/ingress/front-places.ts',
    find: 'const isKept = sharers.every(',
    put: 'const isKept = sharers.some(',
    breaks: 'clients are bound to a service that does not want that',
  },
  {
    file: 'src/manifest/route-twins.ts',
    find: 'if (others.length === 0 || lacking.length === 0) return null',
    put: 'if (others.length === 0 || lacking.length <= others.length) return null',
    breaks: 'a path is shared by one that says a weight and one that says none',
  },
  {
    file: 'src/manifest/route-twins.ts',
    find: "tls.kind !== 'off', redirect.kind])",
    put: "tls.kind !== 'off', redirect.kind === 'to'])",
    breaks: 'of services that share a path one sends clients to https and another does not',
  },
  {
    file: ROTATION,
    find: "rotation === undefined || rotation.phase === 'out'",
    put: "rotation === undefined || rotation.phase !== 'entering'",
    breaks: 'a replica is stopped while proxies send to it',
  },
  {
    file: ROTATION,
    find: "if (rotation?.phase !== 'entering') return null",
    put: "if (rotation?.phase !== 'out') return null",
    breaks: 'an old replica leaves the proxies before all of them send to the new one',
  },
  {
    file: ROTATION,
    find: 'leavingSinceMs !== null && facts.nowMs >= endsAtMs',
    put: 'leavingSinceMs !== null && endsAtMs === 0',
    breaks: 'one connection that never ends holds an update for ever',
  },
  {
    file: ROTATION,
    find: 'Math.min(quietSinceMs ?? Infinity, (leavingSinceMs ?? facts.nowMs) + TOLD_MS)',
    put: 'Math.min(leavingSinceMs ?? facts.nowMs, quietSinceMs ?? facts.nowMs + TOLD_MS)',
    breaks: 'a connection that came while proxies were being told is cut before its time',
  },
  {
    file: ROTATION,
    find: "replica.health === 'unhealthy' || track?.refused === true",
    put: "replica.health === 'unhealthy'",
    breaks: 'clients are sent to a replica that says that it is not ready',
  },
  {
    file: ROTATION,
    find: "track === undefined ? replica.health !== 'starting' : track.isReady",
    put: "track === undefined ? replica.health === 'healthy' : track.isReady",
    breaks: 'an old replica without a healthcheck leaves the proxies as soon as its successor is proven',
  },
  {
    file: ROTATION,
    find: 'if (facts.nowMs - heardAtMs > oldestMs)',
    put: 'if (facts.nowMs < heardAtMs - oldestMs)',
    breaks: 'an old replica that took its time to leave is stopped although its successor fell ill meanwhile',
  },
  {
    file: PLAN,
    find: 'outdated.filter((state) => sendsTo(state, service, address))',
    put: 'outdated.slice(0, 0)',
    breaks: 'who kept a connection since before a reload asks a process that knows only replicas that have gone',
  },
  {
    file: STEPS,
    find: 'if (context.leaving.has(change.slot.key)) return retire',
    put: 'if (context.leaving.has(change.slot.key) && context.budget > 0) return retire',
    breaks: 'an old replica that leaves to be stopped first is let in again at once, for ever',
  },
  {
    file: STEP,
    find: 'change.successor !== null || leaving.has(change.slot.key)) return false',
    put: 'change.successor !== null || leaving.has(`${change.slot.key} no`)) return false',
    breaks: 'a slot that leaves counts twice, so fewer are updated at once than the manifest says',
  },
  {
    file: TABLES,
    find: 'one.isLeaving && (staysOne || input.letGo.has(`${key} ${one.containerId}`))',
    put: 'one.isLeaving && (!staysOne || input.letGo.has(`${key} ${one.containerId}`) || one.port > 0)',
    breaks: 'the last replica of a server refuses what other servers still send to it',
  },
  {
    file: 'src/ingress/layout.ts',
    find: 'if (known?.peers === peers && known.about === about)',
    put: 'if (known?.about === about)',
    breaks: 'a proxy goes on with servers that have left the fleet or moved',
  },
  {
    file: 'src/ingress/touched.ts',
    find: '    ...differing(before.letGo, after.letGo),\n',
    put: '',
    breaks: 'a replica that nobody sends to any more goes on getting new connections from its own proxy',
  },
  {
    file: 'src/ingress/weights.ts',
    find: 'Math.max(1, Math.round(',
    put: 'Math.max(0, Math.round(',
    breaks: 'a canary of a small share is asked nothing, and passes its step',
  },
  {
    file: 'src/ingress/weights.ts',
    find: 'if (error < least) [best, least] = [next, error]',
    put: 'if (error < 0) [best, least] = [next, error]',
    breaks: 'a share is off by as much as rounding to one scale makes it',
  },
  {
    file: 'src/ingress/shares.ts',
    find: 'if (share === 0 || freshCount === 0) return { fresh: 0, old: 1 }',
    put: 'if (share === 0 && oldCount > 0) return { fresh: 0, old: 1 }',
    breaks: 'new replicas that are held at nothing get all when no old one is ready',
  },
  {
    file: 'src/ingress/shares.ts',
    find: 'const [fresh, old] = [share * oldCount, (1 - share) * freshCount]',
    put: 'const [fresh, old] = [share * Math.min(1, oldCount), (1 - share) * Math.min(1, freshCount)]',
    breaks: 'new replicas get their share once for each of them',
  },
  {
    file: 'src/ingress/shares.ts',
    find: '!(isFresh && share !== undefined && share.percent < 100)',
    put: '!(isFresh && share !== undefined && share.percent === 0)',
    breaks: 'a canary that moves a port takes all of its requests with the first step',
  },
  {
    file: TABLES,
    find: 'const staysOne = here.some((one) => !one.isLeaving && weightOf(one) > 0)',
    put: 'const staysOne = here.some((one) => !one.isLeaving)',
    breaks: 'a server whose only other replica is held refuses what others still send to it',
  },
  {
    file: 'src/ingress/layout.ts',
    find: 'place.isDraining ? 0 : isHeld ? 1 : (own[at] ?? 0)',
    put: 'place.isDraining || isHeld ? 0 : (own[at] ?? 0)',
    breaks: 'requests that others send while they are told of a switch are refused',
  },
  {
    file: 'src/ingress/commands.ts',
    find: '[...told.weights, ...told.entering, ...told.leaving]',
    put: '[...told.entering, ...told.weights, ...told.leaving]',
    breaks: 'a new replica gets more than its share for as long as its proxy needs to be told',
  },
  {
    file: PLAN,
    find: "const isHeld = target.state === 'ready' && target.weight === 0",
    put: "const isHeld = target.state !== 'ready' && target.weight === 0",
    breaks: 'a replica that is held never counts as in rotation, and its step never begins',
  },
  {
    file: 'src/ingress/front-layout.ts',
    find: 'seat.wholeWeight === 0',
    put: 'seat.isDraining',
    breaks: 'clients stay with the old version after a switch',
  },
  {
    file: 'src/ingress/figures.ts',
    find: 'const fresh = places.has(address) ? [] : (times.get(address) ?? [])',
    put: 'const fresh = times.get(address) ?? []',
    breaks: 'a service with a port and a route is judged before it had the least number of answers',
  },
  {
    file: 'src/ingress/figures.ts',
    find: "const errors = isHttp ? failed + number('hrsp_5xx') : failed",
    put: 'const errors = failed',
    breaks: 'a canary that answers 500 is as good as the old version',
  },
  {
    file: SHARES,
    find: 'asked.every((proxy) => hasTaken(proxy, name, shared.share))',
    put: 'asked.some((proxy) => hasTaken(proxy, name, shared.share))',
    breaks: 'the time of a step begins while some proxies do not know of it',
  },
  {
    file: SHARES,
    find: 'const last = known.get(now.containerId)',
    put: 'const last = known.get(now.containerId) ?? { ...NOTHING, containerId: now.containerId }',
    breaks: 'a canary is judged by what its place in the proxy was asked before it came',
  },
  {
    file: SHARES,
    find: 'before?.worker === figures.worker ? last : NOTHING',
    put: 'before?.worker === -1 ? NOTHING : last',
    breaks: 'after a reload of a proxy what a canary did is missing from its figures',
  },
  {
    file: SHARES,
    find: 'if (group) shared.fresh = sumOf(shared.fresh, more)',
    put: 'if (!group) shared.fresh = sumOf(shared.fresh, more)',
    breaks: 'the old version is judged for the new one',
  },
  {
    file: SHARES,
    find: 'if (!isSameShare(this.shared.get(name)?.share, share))',
    put: 'if (this.shared.get(name)?.share.specHash !== share.specHash)',
    breaks: 'a step counts as taken with the share of the one before',
  },
  {
    file: TABLES,
    find: 'const rank = (isReady ? 2 : 0) + (claim.isWanted ? 1 : 0)',
    put: 'const rank = (isReady ? 1 : 0) + (claim.isWanted ? 2 : 0)',
    breaks: 'a port goes to a service that has no replica yet, while the one that had it serves',
  },
  {
    file: TABLES,
    find: 'return taken.some((held) => portsClash',
    put: 'return taken.some((held) => held.port < 0 && portsClash',
    breaks: 'a proxy is told to bind a port that a container holds, and refuses all that it is told',
  },
  {
    file: PHASE,
    find: 'const isOut = open.length === 0 && sessions === 0',
    put: 'const isOut = open.length === 0',
    breaks: 'a replica is stopped while connections are open to it',
  },
  {
    file: PROXIES,
    find: 'if (fleet === null || !this.isComplete || this.closing.signal.aborted) return',
    put: 'if (fleet === null || this.closing.signal.aborted) return',
    breaks: 'a controller that starts takes the traffic of stacks away that it has not decided yet',
  },
  {
    file: PHASE,
    find: '({ acked }) => acked === null || isUp(acked, key, id) || (optional.has(key) && acked.targets.has(`${key} ${id}`)),',
    put: '({ acked }) => acked !== null && (isUp(acked, key, id) || (optional.has(key) && acked.targets.has(`${key} ${id}`))),',
    breaks: 'a controller that starts takes all servers out of each other’s tables',
  },
  {
    file: PROXIES,
    find: 'asked.some(({ acked }) => acked?.local.has(id) === true)',
    put: 'asked.every(({ acked }) => acked?.local.has(id) === true)',
    breaks: 'a replica that nobody remembers is stopped while its proxy sends to it',
  },
  {
    file: 'src/controller/mesh-keeper.ts',
    find: 'if (JSON.stringify(meshed) !== JSON.stringify(this.meshed)) this.peers.clear()',
    put: 'if (meshed.length !== this.meshed.length) this.peers.clear()',
    breaks: 'proxies send to the address that a server had before',
  },
  {
    file: ENDPOINTS,
    find: 'known.get(hash) ?? specOf(hash) ?? wanted ?? before',
    put: 'wanted ?? known.get(hash) ?? specOf(hash) ?? before',
    breaks: 'old replicas are sent to by the port that only the new ones listen on',
  },
  {
    file: ENDPOINTS,
    find: 'known.get(hash) ?? specOf(hash) ?? wanted ?? before',
    put: 'known.get(hash) ?? wanted ?? specOf(hash) ?? before',
    breaks: 'replicas of a commit that a newer one took over from are sent to by the port of that one',
  },
  {
    file: ENDPOINTS,
    find: '(spec === before && from !== wanted && mayListen(',
    put: '(spec === before && from === wanted && mayListen(',
    breaks: 'a route that came with replicas whose failure was tolerated leads to nobody, though the old ones serve',
  },
  {
    file: DECIDE,
    find: '...stoppedBy(advice.actions), ...input.performer.stopping(name)',
    put: '...stoppedBy(advice.actions)',
    breaks: 'a replica that is being stopped gets connections again',
  },
  {
    file: DECIDE,
    find: 'drained: new Set(isOwn(input.fleet, target) ? [] : Object.keys(memory.state.drained)),',
    put: 'drained: new Set(isOwn(input.fleet, target) && memory.state === null ? [] : Object.keys(memory.state.drained)),',
    breaks: 'draining a server takes its proxy away before its replicas',
  },
  {
    file: ADDRESSES,
    find: 'given.set(service, address)\n    taken.add(address)\n  }\n  for',
    put: 'taken.add(address)\n  }\n  for',
    breaks: 'a service that comes takes the address of one that is there',
  },
  {
    file: ADDRESSES,
    find: '    if (!taken.has(address)) return address\n  }\n  for',
    put: '    return address\n  }\n  for',
    breaks: 'two services whose hashes meet have one address',
  },
  {
    file: GIVEN,
    find: 'other.spec.name === spec.name || !sharesNetwork(spec, other.spec)',
    put: 'other.spec.name === spec.name',
    breaks: 'a container is told names of services that it shares no network with',
  },
  {
    file: GIVEN,
    find: "new Set([spec.name, spec.hostname ?? '',",
    put: "new Set(['', spec.hostname ?? '',",
    breaks: 'an alias takes the own name of a container from it',
  },
  {
    file: GIVEN,
    find: '(!known.internal && known.enableIpv4 !== false)',
    put: 'known.enableIpv4 !== false',
    breaks: 'a container without a way out is told addresses that it cannot reach',
  },
  {
    file: TABLES,
    find: 'const networks = name.networks ?? [...names.subnets.keys()]',
    put: 'const networks = [...names.subnets.keys()]',
    breaks: 'other stacks are let in at a name that is not exported',
  },
  {
    file: TABLES,
    find: 'if (name.ports.some(isHeld)) return null',
    put: 'if (name.ports.every(isHeld) && name.ports.length < 0) return null',
    breaks: 'a name takes a port that a server or a host-mode port needs',
  },
  {
    file: PHASE,
    find: "state === 'drain' || (state === 'down' && optional.has(key))",
    put: "state === 'drain' || (state === 'up' && optional.has(`${key} never`))",
    breaks:
      'a replica with a port that its image exposes and nobody opens is not stopped before its time to drain is over',
  },
  {
    file: PHASE,
    find: 'const sinceMs = isOptional ? acked.sinceMs.get(`${key} ${id}`) : undefined',
    put: 'const sinceMs = isOptional && acked.atMs < 0 ? 0 : undefined',
    breaks: 'an update waits for ever for a port that the image exposes and nobody opens',
  },
  {
    file: NAMES,
    find: 'const held = new Map([...seenAddresses(observation), ...kept])',
    put: 'const held = new Map([...[...seenAddresses(observation)].slice(0, 0), ...kept])',
    breaks: 'a controller that lost its memory moves the addresses of services that are there',
  },
  {
    file: NAMES,
    find: 'ports.length > 0 && !ports.some((port) => this.reserved.has(port))',
    put: '!ports.some((port) => this.reserved.has(port))',
    breaks: 'the name of a service that nothing is known to listen for leads nowhere',
  },
]
