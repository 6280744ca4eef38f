/** A place for one replica: service and number, or for a global service its server. */
export interface Slot {
  readonly stack: string
  readonly service: string
  /** `1`, `2`, … or the server's name. */
  readonly key: string
}

/** `shop/web#3`, or `shop/log@lon-1` for a global service. Unique within a fleet. */
export function formatSlot(slot: Slot): string {
  return `${slot.stack}/${slot.service}${/^[1-9][0-9]*$/.test(slot.key) ? '#' : '@'}${slot.key}`
}

/** Orders slots by service, then number, then server name. */
export function compareSlots(a: Slot, b: Slot): number {
  return (
    compareText(a.stack, b.stack) ||
    compareText(a.service, b.service) ||
    (Number(a.key) || 0) - (Number(b.key) || 0) ||
    compareText(a.key, b.key)
  )
}

/** Code unit order: the same on every machine, whatever its locale. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
