import { describe, expect, it } from 'vitest'
import { whyNotFree } from '../../src/driver/proxy-ports.js'

const held = (where: string): readonly string[] => [`${where} is held by something else there`]

describe('a port that a proxy is to listen on', () => {
  it.each([
    ['', 80, '00000000:0050', held('port 80')],
    ['', 80, '0100007F:0050', held('port 80')],
    ['', 80, '00000000000000000000000000000000:0050', held('port 80')],
    ['', 80, '00000000:0051', []],
    ['10.0.0.7', 80, '10.0.0.7\n00000000:0050', held('port 80 of 10.0.0.7')],
    ['10.0.0.7', 80, '10.0.0.7\n0700000A:0050', held('port 80 of 10.0.0.7')],
    ['10.0.0.7', 80, '10.0.0.7\n0800000A:0050', []],
    ['10.0.0.7', 80, '10.0.0.8\n', ['10.0.0.7 is no address of the server']],
    ['127.0.0.9', 80, '', []],
    ['2001:db8::7', 443, '20010db8000000000000000000000007\n', []],
    [
      '2001:db8::7',
      443,
      '20010db8000000000000000000000007\nB80D0120000000000000000007000000:01BB',
      held('port 443 of 2001:db8::7'),
    ],
    ['2001:db8::7', 443, '20010db8000000000000000000000007\nB80D0120000000000000000008000000:01BB', []],
    ['::1', 443, '00000000000000000000000000000001', []],
    ['::ffff:10.0.0.7', 443, '00000000000000000000ffff0a000007', []],
    ['', 80, 'nonsense\n:0050\nZZ:0050', []],
  ])('%s:%d where the server says %j', (address, port, sockets, whys) => {
    expect(whyNotFree(sockets, [{ address, port }])).toEqual(whys)
  })

  it('is not held by the proxy itself, where it listens at one address', () => {
    const own = [{ address: '198.18.37.5', port: 80 }]
    expect(whyNotFree('052512C6:0050', [{ address: '', port: 80 }], own)).toEqual([])
    expect(whyNotFree('052512C6:0050', [{ address: '', port: 80 }])).toEqual(held('port 80'))
    expect(whyNotFree('052512C6:0050\n062512C6:0050', [{ address: '', port: 80 }], own)).toEqual(held('port 80'))
  })
})
