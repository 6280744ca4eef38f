import type { FrontSeen, ProxyFile } from '../../src/ingress/index.js'

/** Maps and certificates of a proxy, which take commands as HAProxy does, and none besides. */
export interface MadeFront {
  load(file: ProxyFile): void
  run(command: string): void
  seen(): FrontSeen
  /** Lines of a map, sorted. */
  map(name: string): readonly string[]
}

export function madeFront(): MadeFront {
  const maps = new Map<string, { lines: string[]; next: string[] | null; version: number }>()
  const stored = new Map<string, string>()
  const listed = new Map<string, string>()
  const must = <T>(value: T | undefined | null, command: string): T => {
    if (value === undefined || value === null) throw new Error(`refused: ${command}`)
    return value
  }
  const runMap = (verb: string, rest: readonly string[], payload: string, command: string): void => {
    const map = must(maps.get(rest.at(verb === 'add' ? -2 : -1) ?? ''), command)
    if (verb === 'prepare') return void Object.assign(map, { next: [], version: map.version + 1 })
    if (rest[0] !== `@${map.version}` || map.next === null) throw new Error(`no such version: ${command}`)
    if (verb === 'add') map.next.push(...payload.trimEnd().split('\n'))
    else Object.assign(map, { lines: map.next, next: null })
  }
  const runCertificate = (verb: string, name: string, payload: string, command: string): void => {
    if (verb === 'new' && stored.has(name)) throw new Error(`there already: ${command}`)
    if (verb === 'new') stored.set(name, '')
    else must(stored.get(name), command)
    if (verb === 'set') stored.set(name, payload)
    if (verb === 'del' && listed.has(name)) throw new Error(`in use: ${command}`)
    if (verb === 'del') stored.delete(name)
  }
  return {
    load({ name, content }) {
      if (name.endsWith('.map') && name !== 'mesh.map')
        maps.set(name, { lines: content.trimEnd().split('\n'), next: null, version: 0 })
      if (name.startsWith('tls_')) stored.set(name, content)
      if (name !== 'certificates.list') return
      for (const line of content.split('\n')) if (line !== '') listed.set(line.split(' ')[0] ?? '', line)
    },
    run(command) {
      const [line = '', ...rest] = command.split('\n')
      const [verb = '', what = '', ...words] = line.split(' ')
      const payload = rest.join('\n')
      if (what === 'map') return runMap(verb, words, payload, command)
      if (words[0] === 'cert') return runCertificate(verb, words[1] ?? '', payload, command)
      const file = (verb === 'add' ? payload.split(/[ \n]/)[0] : words[2]) ?? ''
      must(stored.get(file), command)
      if (verb === 'add') listed.set(file, payload.trimEnd())
      else listed.delete(must(listed.has(file) ? file : null, command))
    },
    seen: () => ({
      maps: new Map(
        [...maps].map(([name, { lines, version }]) => [name, { digest: digestIn(lines), nextVersion: version }]),
      ),
      stored: new Set(stored.keys()),
      listed: new Set(listed.keys()),
    }),
    map: (name) => [...(maps.get(name)?.lines ?? [])].sort(),
  }
}

function digestIn(lines: readonly string[]): string {
  return lines.find((line) => line.startsWith('=digest '))?.slice('=digest '.length) ?? ''
}
