// Says why the lab cannot be raised on this machine, and exits with 1; silent and 0 when it can.
import { whyNoLab } from '../test/lab/index.js'

const why = whyNoLab()
if (why !== undefined) {
  console.error(`no lab: ${why}`)
  process.exitCode = 1
}
