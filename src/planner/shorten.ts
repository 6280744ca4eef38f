/** Names that one line holds. */
const NAMED_MAX = 20

/** A thousand services that stay as they are need no thousand names. */
export function shorten(names: readonly string[]): string {
  const more = names.length - NAMED_MAX
  return more <= 0 ? names.join(', ') : `${names.slice(0, NAMED_MAX).join(', ')} and ${more} more services`
}
