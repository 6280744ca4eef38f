import type { Json, JsonMap } from './docker-compose.js'

// Reading what Compose prints: a value of another kind than expected is a wrong expectation, and is thrown.

export function map(json: Json | undefined): JsonMap {
  if (json === undefined || json === null) return {}
  if (typeof json === 'object' && !Array.isArray(json)) return json as JsonMap
  throw new Error(`Compose printed ${JSON.stringify(json)} where a mapping was expected`)
}

export function list(json: Json | undefined): readonly Json[] {
  if (json === undefined || json === null) return []
  if (Array.isArray(json)) return json as readonly Json[]
  throw new Error(`Compose printed ${JSON.stringify(json)} where a list was expected`)
}

export function strings(json: Json | undefined): readonly string[] {
  return list(json).map(text)
}

export function text(json: Json | undefined): string {
  if (typeof json === 'string' || typeof json === 'number' || typeof json === 'boolean') return String(json)
  throw new Error(`Compose printed ${JSON.stringify(json)} where text was expected`)
}

export function numberOf(json: Json | undefined): number | null {
  return json === undefined || json === null ? null : Number(text(json))
}

/** Go's form of a duration: `1h2m3.5s`. */
export function millisecondsOf(json: Json | undefined): number | null {
  if (json === undefined || json === null) return null
  const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1, µs: 1e-3, ns: 1e-6 }
  const parts = [...text(json).matchAll(/([0-9.]+)(h|ms|m|s|µs|ns)/g)]
  return parts.reduce((total, [, amount, unit = '']) => total + Number(amount) * (unitMs[unit] ?? Number.NaN), 0)
}

/** Compose prints sizes in bytes, but for those in a text that it hands through. */
export function bytesOf(json: Json | undefined): number | null {
  if (json === undefined || json === null) return null
  const [, amount, unit = ''] = /^([0-9.]+)([kmg]?)b?$/i.exec(text(json)) ?? []
  return Number(amount) * 1024 ** ['', 'k', 'm', 'g'].indexOf(unit.toLowerCase())
}

export function sortedBy<T>(values: readonly T[], key: (value: T) => string): readonly T[] {
  return [...values].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0))
}

export function stringMap(json: Json | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(map(json)).map(([key, value]) => [key, text(value)]))
}
