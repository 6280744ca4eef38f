/** Without what is null or undefined: absent fields are the image's or the engine's own. */
export function compact(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined))
}

/** An empty list says nothing. */
export function listed<T>(values: readonly T[]): readonly T[] | null {
  return values.length > 0 ? values : null
}
