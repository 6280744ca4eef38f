import { isIP } from 'node:net'
import type { Listener } from '../ingress/index.js'

/**
 * Why some of `wanted` cannot be bound, beside what listens on a server. `sockets` has lines as the kernel prints them: `0100007F:0050` where
 * something listens (/proc/net/tcp, tcp6), and of the wanted addresses those that the server has. `own`: where the proxy itself listens at one address,
 * which keeps it from none.
 */
export function whyNotFree(
  sockets: string,
  wanted: readonly Listener[],
  own: readonly Listener[] = [],
): readonly string[] {
  const lines = sockets.split('\n').map((line) => line.trim())
  const isOwn = (other: { readonly words: string; readonly port: number }): boolean =>
    own.some(({ address, port }) => port === other.port && wordsOf(address) === other.words)
  const listening = lines.flatMap((line) => parseListener(line) ?? []).filter((other) => !isOwn(other))
  return wanted.flatMap(({ address, port }) => {
    if (address !== '' && !isLoopback(address) && !lines.includes(localName(address))) {
      return [`${address} is no address of the server`]
    }
    const isHeld = listening.some(
      (other) => other.port === port && (address === '' || other.words === '' || other.words === wordsOf(address)),
    )
    if (!isHeld) return []
    return [`port ${port}${address === '' ? '' : ` of ${address}`} is held by something else there`]
  })
}

/** Ports that something listens on at all addresses. */
export function heldPorts(sockets: string): readonly number[] {
  return sockets.split('\n').flatMap((line) => {
    const listening = parseListener(line.trim())
    return listening?.words === '' ? [listening.port] : []
  })
}

/** All of 127.0.0.0/8 is the server's, though the kernel lists it as one. */
function isLoopback(address: string): boolean {
  return address.startsWith('127.')
}

/** Words empty: every address. */
function parseListener(line: string): { readonly words: string; readonly port: number } | null {
  const [, words = '', port = ''] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(line) ?? []
  return words === '' ? null : { words: /^0+$/.test(words) ? '' : words, port: parseInt(port, 16) }
}

/** An address as the kernel lists its own: `10.0.0.7` in fib_trie, 32 digits in if_inet6. */
export function localName(address: string): string {
  return isIP(address) === 4 ? address : hex(bytesOf(address)).toLowerCase()
}

/** An address as the kernel lists sockets: 32-bit words of a little-endian machine. */
function wordsOf(address: string): string {
  const bytes = bytesOf(address)
  const words: string[] = []
  for (let at = 0; at < bytes.length; at += 4) words.push(hex(bytes.slice(at, at + 4).reverse()))
  return words.join('')
}

function hex(bytes: readonly number[]): string {
  return bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('')
}

function bytesOf(address: string): readonly number[] {
  if (isIP(address) === 4) return address.split('.').map(Number)
  // The WHATWG parser knows each way to write one.
  const [head = '', tail = ''] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const groups = (text: string): readonly string[] => (text === '' ? [] : text.split(':'))
  const missing = Math.max(0, 8 - groups(head).length - groups(tail).length)
  const all = [...groups(head), ...Array.from({ length: missing }, () => '0'), ...groups(tail)]
  return all.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff])
}
