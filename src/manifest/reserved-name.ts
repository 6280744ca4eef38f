import { quoted } from './node.js'
import type { Report, Spot } from './report.js'

/** What every object of JavaScript answers to: whoever looks such a name up in a record finds it before it was put there. */
export function isReserved(name: string): boolean {
  return name in Object.prototype
}

export function refuseReserved(name: string, spot: Spot, report: Report): void {
  if (isReserved(name)) report.error('NAME_INVALID', spot, `the name ${quoted(name)} is reserved; choose another`)
}
