import { describe, expect, it } from 'vitest'
import type { HostPort } from '../../src/model/index.js'
import { portsClash } from '../../src/model/index.js'

const at = (hostIp: string, port = 53, protocol: HostPort['protocol'] = 'tcp'): HostPort => ({ hostIp, port, protocol })

describe('two host ports', () => {
  it.each<[HostPort, HostPort, boolean]>([
    [at(''), at(''), true],
    [at('127.0.0.1'), at('127.0.0.1'), true],
    [at('127.0.0.1'), at('10.0.0.1'), false],
    [at('127.0.0.1'), at(''), true],
    [at('127.0.0.1'), at('0.0.0.0'), true],
    [at('::1'), at('::'), true],
    [at('', 53), at('', 54), false],
    [at('', 53, 'tcp'), at('', 53, 'udp'), false],
  ])('%j and %j clash: %s', (a, b, clash) => {
    expect([portsClash(a, b), portsClash(b, a)]).toEqual([clash, clash])
  })
})
