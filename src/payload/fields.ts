/** A mapping of the engine's, before anything in it is believed. */
export type Fields = Readonly<Record<string, unknown>>

export function mapOf(value: unknown): Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Fields) : {}
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

export function listOf<T = unknown>(value: unknown): readonly T[] {
  return Array.isArray(value) ? (value as readonly T[]) : []
}
