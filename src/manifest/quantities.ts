/** Milliseconds of `1m30s`, `1.5h`, `2d`; null when it is no duration. Units: ns us µs ms s m h d w. */
export function parseDuration(text: string): number | null {
  if (text === '0') return 0
  if (!/^([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h|d|w)/.test(text)) return null
  let total = 0
  let rest = text
  while (rest !== '') {
    const [whole, amount = '', unit = ''] = /^([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(ns|us|µs|ms|s|m|h|d|w)/.exec(rest) ?? []
    if (whole === undefined) return null
    total += Number(amount) * (UNIT_MS[unit] ?? 0)
    rest = rest.slice(whole.length)
  }
  return total
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/** Bytes of `512m`, `1.5gb`, `100`; null when it is no size. Units are steps of 1024, as for Docker. */
export function parseBytes(text: string): number | null {
  const [whole, amount = '', unit = ''] = /^([0-9]+(?:\.[0-9]+)?) ?([kmgtp]?)i?b?$/i.exec(text.trim()) ?? []
  if (whole === undefined) return null
  return Math.floor(Number(amount) * 1024 ** ['', 'k', 'm', 'g', 't', 'p'].indexOf(unit.toLowerCase()))
}

/** A whole number in decimal; null when it is none, or too large to be exact. */
export function parseInteger(text: string): number | null {
  const value = /^[-+]?[0-9]+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? value : null
}

export function parseBoolean(text: string): boolean | null {
  if (/^(true|y|yes|on)$/i.test(text)) return true
  return /^(false|n|no|off)$/i.test(text) ? false : null
}
