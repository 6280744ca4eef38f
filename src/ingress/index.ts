export { countedIn, isSameInput, isSameSet, isSameTable, replicasOf, route, tableOf, withoutNames } from './tables.js'
export type {
  Endpoint,
  NamesInput,
  RoutedReplica,
  Routing,
  ServiceEndpoints,
  ServiceName,
  StackEndpoints,
  TableInput,
  TableParts,
} from './tables.js'
export { ADDRESSES_FILE } from './render-names.js'
export { PROXY_PATHS, proxyService, proxyStack, socketFolder } from './proxy-service.js'
export { CONFIG_FILE, notTaken, planProxy, seenBy } from './plan-proxy.js'
export type { ProxyFile, ProxyPlan } from './plan-proxy.js'
export type { Listener } from './layout.js'
export { IPV6_VARIABLE, addressOf } from './bind.js'
export { addTimes, figureQuestions, p95Of, readFigures } from './figures.js'
export { readState, readWorkers } from './read-state.js'
export type { ProxyState, SlotSeen, Workers } from './read-state.js'
export { STATE_QUESTIONS } from './read-front.js'
export type { FrontSeen } from './read-front.js'
export { acmeHosts, placesOf } from './routes.js'
export type { FrontInput, RouteClaim } from './routes.js'
export { readList } from './front-files.js'
export { CERTIFICATES_LIST } from './front-names.js'
export { lifeOf, readPem } from './pem.js'
export {
  isAddressRange,
  isCookieName,
  isHeaderName,
  isHeaderValue,
  isHostPattern,
  isPasswordHash,
  isRedirectUrl,
  isRoutePath,
  isUserName,
} from './route-words.js'
