import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { isLinkLocal } from '../../src/checks/addresses.js'
import { openChecker } from '../../src/checks/index.js'
import type { CanaryCheck, CheckQuestion } from '../../src/model/index.js'

const forever = new AbortController().signal
const checker = openChecker()
const opened: { close(): void }[] = []

afterEach(() => {
  for (const server of opened.splice(0)) server.close()
})

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server on the loopback, its address, and what it was asked. */
async function serve(handler: Handler): Promise<{ readonly url: string; readonly asked: IncomingMessage[] }> {
  const asked: IncomingMessage[] = []
  const server: Server = createServer((request, response) => {
    asked.push(request)
    handler(request, response)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  opened.push({ close: () => (server.closeAllConnections(), server.close()) })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked }
}

function checkOf(question: CheckQuestion, timeoutMs = 5_000): CanaryCheck {
  return { name: 'a', question, intervalMs: 30_000, timeoutMs, failures: 2 }
}

const page = (url: string, more: Partial<Extract<CheckQuestion, { kind: 'http' }>> = {}): CheckQuestion => ({
  ...{ kind: 'http', url, headers: {}, authorization: null, expectMin: 200, expectMax: 299 },
  ...more,
})

const query = (url: string, min: number | null, max: number | null, authorization: string | null = null) =>
  checkOf({ kind: 'prometheus', url, query: 'rate(errors{v="2"}[1m]) > 0', authorization, min, max })

describe('a page that is asked', () => {
  it.each<[number, 'yes' | 'no', string]>([
    [200, 'yes', 'HTTP 200'],
    [204, 'yes', 'HTTP 204'],
    [301, 'no', 'HTTP 301, expected 200-299'],
    [404, 'no', 'HTTP 404, expected 200-299'],
    [503, 'no', 'HTTP 503, expected 200-299'],
  ])('answers %s, which is a %s, and leads nowhere else', async (status, verdict, said) => {
    const elsewhere = await serve((_request, response) => response.end())
    const { url, asked } = await serve((_request, response) => {
      response.writeHead(status, { location: elsewhere.url }).end()
    })
    expect(await checker.check(checkOf(page(`${url}/ready?x=1`)), forever)).toEqual({ verdict, said })
    expect([asked.map((one) => `${one.method} ${one.url}`), elsewhere.asked]).toEqual([['GET /ready?x=1'], []])
  })

  it('hears the headers and the secret of the manifest, and who asks', async () => {
    const { url, asked } = await serve((_request, response) => response.writeHead(418).end())
    const question = page(url, {
      headers: { 'X-Canary': 'yes' },
      authorization: 'Bearer x',
      expectMin: 418,
      expectMax: 418,
    })
    expect(await checker.check(checkOf(question), forever)).toEqual({ verdict: 'yes', said: 'HTTP 418' })
    expect(asked[0]?.headers).toMatchObject({
      ...{ 'x-canary': 'yes', authorization: 'Bearer x', 'user-agent': 'slipway', connection: 'close' },
    })
  })

  it('is not read: a body without an end is no reason to wait', async () => {
    const { url } = await serve((_request, response) => {
      response.writeHead(200)
      response.write('x'.repeat(100_000))
    })
    expect(await checker.check(checkOf(page(url), 60_000), forever)).toEqual({ verdict: 'yes', said: 'HTTP 200' })
  })

  it('gives no answer where it is slow, gone, breaks off, speaks something else, or says too much', async () => {
    const silent = await serve(() => undefined)
    const broken = await serve((request) => request.socket.destroy())
    const chatty = await serve((_request, response) => {
      for (let at = 0; at < 100; at += 1) response.setHeader(`x-${at}`, 'x'.repeat(1_000))
      response.end()
    })
    const babble = createTcpServer((socket) => socket.on('error', () => undefined).end('SSH-2.0-nonsense\r\n'))
    await new Promise<void>((resolve) => void babble.listen(0, '127.0.0.1', resolve))
    opened.push(babble)
    const { port } = babble.address() as AddressInfo
    const said = async (url: string, timeoutMs = 5_000) => checker.check(checkOf(page(url), timeoutMs), forever)
    const host = (url: string): string => new URL(url).host
    expect(await said(silent.url, 100)).toEqual({
      ...{ verdict: 'unknown', said: `${host(silent.url)} did not answer within 100 ms` },
    })
    for (const url of [broken.url, chatty.url, `http://127.0.0.1:${port}`, 'http://127.0.0.1:1'])
      expect(await said(url)).toEqual({
        ...{ verdict: 'unknown', said: expect.stringContaining(`${host(url)} cannot be reached (`) as unknown },
      })
  })

  it('is not waited for by a controller that ends', async () => {
    const { url } = await serve(() => undefined)
    const ending = new AbortController()
    const answer = checker.check(checkOf(page(url), 60_000), ending.signal)
    ending.abort()
    expect(await answer).toMatchObject({ verdict: 'unknown' })
  })

  it('is never at a link-local address, where clouds keep credentials', async () => {
    for (const host of ['169.254.169.254', '[fe80::1]', '[::ffff:169.254.169.254]', '[fd00:ec2::254]'])
      expect(await checker.check(checkOf(page(`http://${host}/latest`)), forever)).toEqual({
        ...{ verdict: 'unknown', said: expect.stringMatching(/link-local address, which is never asked$/) as unknown },
      })
    expect(['169.253.255.255', '127.0.0.1', '10.0.0.1', '::1', 'fd00::1'].filter(isLinkLocal)).toEqual([])
  })

  it('is looked up as the system does', async () => {
    const { url } = await serve((_request, response) => response.end())
    const named = url.replace('127.0.0.1', 'localhost')
    expect(await checker.check(checkOf(page(named)), forever)).toEqual({ verdict: 'yes', said: 'HTTP 200' })
  })
})

const vector = (...values: readonly unknown[]): unknown => ({
  ...{ status: 'success' },
  data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1_700_000_000.1, value] })) },
})
const data = (resultType: string, result: unknown): unknown => ({ status: 'success', data: { resultType, result } })

describe('Prometheus', () => {
  it('is asked for now, with the whole query, below the path of its address', async () => {
    const { url, asked } = await serve((_request, response) => response.end(JSON.stringify(vector('0.25'))))
    const answer = await checker.check(query(`${url}/prom`, null, 0.5, 'Bearer x'), forever)
    expect(answer).toEqual({ verdict: 'yes', said: '0.25' })
    const at = new URL(`${url}${asked[0]?.url}`)
    expect([at.pathname, [...at.searchParams]]).toEqual([
      '/prom/api/v1/query',
      [['query', 'rate(errors{v="2"}[1m]) > 0']],
    ])
    expect(asked[0]?.headers.authorization).toBe('Bearer x')
  })

  it.each<[string, unknown, 'yes' | 'no' | 'unknown', string]>([
    ['a number within', vector('0.5'), 'yes', '0.5'],
    ['a number at the least', vector('0.1'), 'yes', '0.1'],
    ['one that is more', vector('0.50001'), 'no', '0.5 is more than 0.5'],
    ['one that is less', vector('0.0999'), 'no', '0.0999 is less than 0.1'],
    ['a scalar', data('scalar', [1, '0.3']), 'yes', '0.3'],
    ['an exponent', vector('3e-1'), 'yes', '0.3'],
    ['infinity', vector('+Inf'), 'no', 'Infinity is more than 0.5'],
    ['less than everything', vector('-Inf'), 'no', '-Infinity is less than 0.1'],
    ['several within', vector('0.2', '0.4', '0.3'), 'yes', '3 numbers from 0.2 to 0.4'],
    ['several, one outside', vector('0.2', '7', '0.3'), 'no', '7 is more than 0.5'],
    ['NaN', vector('NaN'), 'unknown', 'the query gives NaN'],
    ['NaN beside one within', vector('0.2', 'NaN'), 'unknown', 'the query gives NaN'],
    ['NaN beside one outside', vector('NaN', '7'), 'no', '7 is more than 0.5'],
    ['nothing', vector(), 'unknown', 'the query finds nothing'],
    ['a matrix', data('matrix', []), 'unknown', 'the query gives a matrix; make it give numbers'],
    ['a text', data('string', [1, '0.3']), 'unknown', 'the query gives a string; make it give numbers'],
    [
      'a histogram',
      data('vector', [{ metric: {}, histogram: [] }]),
      'unknown',
      'the query gives histograms; make it give numbers',
    ],
    ['a text as a number', vector('0x1'), 'unknown', 'the answer is none of Prometheus'],
    ['a number as a number', vector(0.3), 'unknown', 'the answer is none of Prometheus'],
    ['another word', { status: 'error', data: vector('0.3') }, 'unknown', 'the answer is none of Prometheus'],
    ['null', null, 'unknown', 'the answer is none of Prometheus'],
    ['a list', [], 'unknown', 'the answer is none of Prometheus'],
    ['another kind', data('stream', [[1, '0.3']]), 'unknown', 'the answer is none of Prometheus'],
  ])('gives %s', async (_title, body, verdict, said) => {
    const { url } = await serve((_request, response) => response.end(JSON.stringify(body)))
    expect(await checker.check(query(url, 0.1, 0.5), forever)).toEqual({ verdict, said })
  })

  it.each<[string, Handler, string]>([
    ['an error', (_request, response) => response.writeHead(503).end('<html>'), 'Prometheus answers HTTP 503'],
    [
      'an error with words',
      (_request, response) =>
        response
          .writeHead(400)
          .end(JSON.stringify({ status: 'error', error: `parse\n\u001b[31merror${'x'.repeat(999)}` })),
      `Prometheus answers HTTP 400: parse [31merror${'x'.repeat(200 - 15)}`,
    ],
    [
      'a redirect',
      (_request, response) => response.writeHead(302, { location: '/login' }).end(),
      'Prometheus answers HTTP 302',
    ],
    ['what is no JSON', (_request, response) => response.end('{"status":"succ'), 'the answer is none of Prometheus'],
  ])('gives no answer by %s', async (_title, handler, said) => {
    const { url } = await serve(handler)
    expect(await checker.check(query(url, 0.1, 0.5), forever)).toEqual({ verdict: 'unknown', said })
  })

  it('gives no answer where it says too much, or breaks off, or takes too long in the middle', async () => {
    const huge = await serve((_request, response) => {
      const chunk = 'x'.repeat(65_536)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk));
        response.once('drain', more)
      }
      more()
    })
    const broken = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '1000' })
      response.write('{', () => response.socket?.destroy())
    })
    const slow = await serve((_request, response) => {
      response.writeHead(200)
      response.write('{')
    })
    const said = async (url: string, timeoutMs: number) => {
      const answer = await checker.check({ ...query(url, 0.1, 0.5), timeoutMs }, forever)
      return `${answer.verdict} ${answer.said.replace(new URL(url).host, 'it')}`
    }
    expect(await said(huge.url, 30_000)).toBe('unknown it sends more than 1048576 bytes')
    expect(await said(broken.url, 30_000)).toBe('unknown it cannot be reached (ECONNRESET)')
    expect(await said(slow.url, 100)).toBe('unknown it did not answer within 100 ms')
  })
})
