import { isIP } from 'node:net'
import type { RouteRedirect } from '../model/index.js'

const HOST = /^(\*\.)?([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/
const PATH = /^(\/[A-Za-z0-9._~@:+=,&!-]+)+$/
const URL_LIKE = /^https?:\/\/[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(\/[!-~]*)?$/
const HEADER_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/
const HEADER_VALUE = /^[!-~]([ -~]{0,1998}[!-~])?$/
const COOKIE = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/
const USER_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/
const CRYPT = /^\$(5|6)\$[A-Za-z0-9./]{1,16}\$[A-Za-z0-9./]{43,86}$|^\$2[aby]\$0[4-8]\$[A-Za-z0-9./]{53}$/

/** A name as in DNS, in small letters; `*.` in front of one stands for one label more. No address, nor a part with a star. */
export function isHostPattern(text: string): boolean {
  return text.length <= 253 && HOST.test(text) && isIP(text) === 0 && !/^[0-9.]+$/.test(text) && text !== '*.'
}

/** `/`, or segments without an end; none of them is `.` or `..`, which clients take out. As decoded: there is no %. */
export function isRoutePath(text: string): boolean {
  return (
    text === '/' || (text.length <= 256 && PATH.test(text) && !text.split('/').some((part) => /^\.\.?$/.test(part)))
  )
}

export function isRedirectUrl(text: string): boolean {
  return text.length <= 1_000 && URL_LIKE.test(text)
}

export function isHeaderName(text: string): boolean {
  return HEADER_NAME.test(text)
}

/** Printable, in ASCII. */
export function isHeaderValue(text: string): boolean {
  return HEADER_VALUE.test(text)
}

export function isCookieName(text: string): boolean {
  return COOKIE.test(text)
}

export function isUserName(text: string): boolean {
  return USER_NAME.test(text)
}

/** Of crypt(3), as every C library knows it, and cheap enough to be computed for each request: all of them wait for it. */
export function isPasswordHash(text: string): boolean {
  return CRYPT.test(text)
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address. */
export function isAddressRange(text: string): boolean {
  const [address = '', bits, more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || address.includes('%') || more !== undefined) return false
  return bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128))
}

/** What HAProxy is to send everybody elsewhere with. Null: the address is none. */
export function redirectLine({
  url,
  keepsPath,
  status,
}: Extract<RouteRedirect, { readonly kind: 'to' }>): string | null {
  if (!isRedirectUrl(url) || ![301, 302, 307, 308].includes(status)) return null
  return `http-request redirect ${keepsPath ? 'prefix' : 'location'} ${hexText(url)} code ${status}`
}

/** Any text as a word of a configuration that says nothing by itself. */
export function hexText(text: string): string {
  return `%[bin(${Buffer.from(text, 'utf8').toString('hex')})]`
}
