import { controlClient, controlSocketPath } from '../web/index.js'
import type { ControlSurface } from '../web/index.js'
import type { FleetStatus } from '../controller/index.js'
import { valueOf } from './invocation.js'
import type { Settings } from './settings.js'

/** The running controller of the data directory, whether or not it is there. */
export function controllerAt(settings: Settings): ControlSurface {
  return controlClient(valueOf(controlSocketPath(settings.dataDir)))
}

/** The running controller with its status, or null when none runs. Ends the command when it runs and cannot be asked. */
export async function runningController(
  settings: Settings,
): Promise<{ readonly surface: ControlSurface; readonly status: FleetStatus } | null> {
  const surface = controllerAt(settings)
  const status = await surface.status()
  if (status.ok) return { surface, status: status.value }
  return status.problem.code === 'CONTROLLER_ABSENT' ? null : valueOf(status)
}

/** `shop/web` or `shop`; undefined stays so. */
export function readTarget(
  text: string | undefined,
): { readonly stack: string; readonly service?: string } | undefined {
  if (text === undefined) return undefined
  const [stack = '', service] = text.split('/')
  return service === undefined ? { stack } : { stack, service }
}
