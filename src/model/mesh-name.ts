import { createHash } from 'node:crypto'

const PLAIN = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/
const LIKE_MADE = /-[0-9a-f]{16}$/

/**
 * Any text as a DNS label of at most 57 characters, two texts never as the same one. What is such a label already stays what it is; of
 * anything else only letters and digits are kept, and a hash tells it from others.
 */
export function dnsLabel(text: string): string {
  if (PLAIN.test(text) && !LIKE_MADE.test(text)) return text
  const hash = createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 16)
  const kept = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '')
  return `${kept === '' ? 'x' : kept}-${hash}`
}

/** The zone of a server's names among the proxies; its certificate holds `*.` and this. */
export function meshZone(server: string): string {
  return `${dnsLabel(server)}.mesh`
}
