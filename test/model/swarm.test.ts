import { expect, it } from 'vitest'
import { swarmOf } from '../../src/model/index.js'
import type { ServerView, SwarmFacts } from '../../src/model/index.js'
import { away, facts, listed } from '../planner/world.js'

/** `lon-1: m1 m2` knows these managers; `lon-1* …` is one; `(lon-1)` cannot be looked at; `lon-1` alone is in none. */
function viewOf(line: string): ServerView {
  const [place = '', known = ''] = line.split(': ')
  const name = place.replace(/[()*]/g, '')
  const managers = known.split(' ').filter((id) => id !== '')
  const swarm: SwarmFacts = { node: `node-${name}`, isManager: place.includes('*'), managers }
  const own = { ...facts(name), ...(managers.length === 0 ? {} : { swarm }) }
  return place.startsWith('(') ? away(name, 'missed', [], { facts: own }) : listed(name, [], { facts: own })
}

it.each<[string, readonly string[], string | null]>([
  ['is none where no server is in one', ['lon-1', 'lon-2'], null],
  ['has who is in it, and its managers', ['a*: m1', 'b: m1', 'c'], 'a b, a'],
  ['is one where servers know a manager in common, by others too', ['a: m1', 'b: m2', 'c*: m1 m2'], 'a b c, c'],
  ['is the one with most servers', ['a*: m1', 'b*: m2', 'c: m2'], 'b c, b'],
  ['is that of the first by name among equals', ['b*: m2', 'a*: m1'], 'a, a'],
  ['has those that cannot be looked at now, but not as managers to ask', ['(a*): m1', 'b*: m1'], 'a b, b'],
])('a Swarm %s', (_, lines, expected) => {
  const swarm = swarmOf(new Map(lines.map(viewOf).map((view) => [view.server, view])))
  expect(swarm === null ? null : `${swarm.members.join(' ')}, ${swarm.managers.join(' ')}`).toBe(expected)
})
