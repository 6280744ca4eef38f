import type { Cause } from '../model/index.js'

/** `image busybox:1.36 → busybox:1.37`, `scaled 12 → 3`, `secrets.db content changed`, `replica missing`. */
export function formatCause({ field, from, to, note }: Cause): string {
  const name = field === 'deploy.replicas' ? 'scaled' : field
  if (from === null && to === null) return [name, note].filter(Boolean).join(' ')
  return `${name} ${from ?? 'none'} → ${to ?? 'none'}${note === undefined ? '' : ` (${note})`}`
}
