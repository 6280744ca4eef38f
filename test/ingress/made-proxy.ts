import { planProxy } from '../../src/ingress/index.js'
import type { ProxyFile, ProxyPlan, ProxyState, SlotSeen } from '../../src/ingress/index.js'
import type { ProxyTable } from '../../src/model/index.js'
import { madeFront } from './made-front.js'

/** A proxy that reads configurations and runtime commands as HAProxy does, as far as slots, maps and certificates go. */
export interface MadeProxy {
  load(files: readonly ProxyFile[]): void
  bring(table: ProxyTable): void
  /** Does as a plan says. */
  take(plan: ProxyPlan): void
  state(): ProxyState
}

export function haproxyWith(): MadeProxy {
  let structure = ''
  let frontends: string[] = []
  let servers = new Map<string, Map<string, SlotSeen>>()
  let front = madeFront()
  const load = (files: readonly ProxyFile[]): void => {
    servers = new Map<string, Map<string, SlotSeen>>()
    frontends = []
    front = madeFront()
    for (const file of files) front.load(file)
    let backend = new Map<string, SlotSeen>()
    for (const line of (files[0]?.content ?? '').split('\n')) {
      const [word, name = '', address = '', ...rest] = line.trim().split(' ')
      if (word === 'description') structure = name
      if (word === 'frontend') frontends.push(name)
      if (word === 'backend') servers.set(name, (backend = new Map<string, SlotSeen>()))
      if (word !== 'server') continue
      const weight = Number(rest[rest.indexOf('weight') + 1] ?? 1)
      backend.set(name, { address, weight, isFree: rest.includes('disabled'), isUp: true, sessions: 0 })
    }
  }
  const run = (command: string): void => {
    if (!command.startsWith('set server ')) return front.run(command)
    const [, , name = '', verb, value, , port] = command.split(' ')
    const [backend = '', slot = ''] = name.split('/')
    const seen = servers.get(backend)?.get(slot)
    if (seen === undefined) throw new Error(`no such server: ${command}`)
    const set = (changes: Partial<SlotSeen>): void => void servers.get(backend)?.set(slot, { ...seen, ...changes })
    if (verb === 'weight') set({ weight: Number(value) })
    else if (verb === 'state') set({ isFree: value === 'maint' })
    else set({ address: value?.includes(':') === true ? `[${value}]:${port}` : `${value}:${port}` })
  }
  const state = (): ProxyState => ({
    structure,
    frontends: [...frontends],
    idle: 0,
    front: front.seen(),
    servers: new Map([...servers].map(([name, slots]) => [name, new Map(slots)])),
  })
  const take = ({ commands, files }: ProxyPlan): void => {
    if (commands === null) load(files)
    else commands.forEach(run)
  }
  return {
    load,
    state,
    take,
    bring: (table) => take(planProxy(table, structure === '' ? null : state())),
  }
}
