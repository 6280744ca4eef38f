import { describe, expect, it } from 'vitest'
import { parseState, parseStatus } from '../../src/driver/status-text.js'

describe('the status text of a container', () => {
  it.each([
    ['Up 5 minutes', 'none', null],
    ['Up 5 minutes (healthy)', 'healthy', null],
    ['Up Less than a second (health: starting)', 'starting', null],
    ['Up About an hour (unhealthy)', 'unhealthy', null],
    ['Up 2 days (Paused)', 'none', null],
    ['Up 2 seconds (something new)', 'none', null],
    ['Exited (0) 3 seconds ago', 'none', 0],
    ['Exited (137) 3 weeks ago', 'none', 137],
    ['Exited (x) 3 weeks ago', 'none', null],
    ['Restarting (1) 2 seconds ago', 'none', 1],
    ['Created', 'none', null],
    ['Dead', 'none', null],
    ['Removal In Progress', 'none', null],
    ['', 'none', null],
  ])('%s means health %s and exit code %s', (text, health, exitCode) => {
    expect(parseStatus(text)).toEqual({ health, exitCode })
  })

  it.each(['created', 'running', 'restarting', 'paused', 'exited', 'dead', 'removing'])(
    'knows the state %s',
    (state) => {
      expect(parseState(state)).toBe(state)
    },
  )

  it.each(['sleeping', '', null, 7, 'constructor', '__proto__'])('does not guess the state %s', (state) => {
    expect(parseState(state)).toBeUndefined()
  })
})
