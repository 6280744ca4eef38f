import { COMPOSE_LABELS, LABELS } from '../model/index.js'
import type { ForeignContainer, Slot } from '../model/index.js'
import { textAt } from './engine.js'

/** What `docker compose up` made. Replicas of any fleet have Compose's labels as well, and what `docker compose run` makes is no service. */
export function composeOf(labels: unknown): Pick<ForeignContainer, 'compose'> {
  const project = textAt(labels, COMPOSE_LABELS.project)
  const service = textAt(labels, COMPOSE_LABELS.service)
  const isPlain = textAt(labels, LABELS.fleet) === '' && !isOneOff(labels)
  if (!isPlain || project === '' || service === '') return {}
  const number = Number(textAt(labels, COMPOSE_LABELS.number))
  return { compose: { project, service, number: Number.isSafeInteger(number) && number > 0 ? number : 1 } }
}

/** Who else says by its labels that a container is its own, and so not for this slot; null where nobody does. */
export function claimOn(labels: unknown, { stack, service }: Slot): string | null {
  const fleet = textAt(labels, LABELS.fleet)
  if (fleet !== '') return `carries the labels of the fleet ${fleet}, so it is a replica or a copy of one`
  if (textAt(labels, SWARM_SERVICE) !== '')
    return 'is a task of Swarm, which would make it anew: remove the service from Swarm and let Slipway run it'
  const project = textAt(labels, COMPOSE_LABELS.project)
  if (project === '') return null
  if (isOneOff(labels)) return 'was made by `docker compose run`, for one command'
  const other = textAt(labels, COMPOSE_LABELS.service)
  if (project === stack && other === service) return null
  return `is run by docker compose as ${project}/${other}: give stack and service these names, or let Compose remove it`
}

/** What Swarm puts on each of its containers. */
const SWARM_SERVICE = 'com.docker.swarm.service.id'

function isOneOff(labels: unknown): boolean {
  return /^true$/i.test(textAt(labels, COMPOSE_LABELS.oneoff))
}
