/** An event as an engine tells it. */
export interface Told {
  readonly Type: string
  readonly Action: string
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> }
}

/** What was told of each script: of containers in its order, of networks and volumes how often. */
export function eventsOf(prefix: string, events: readonly Told[]): readonly string[] {
  const mine = events.filter(({ Type, Actor }) =>
    isOf(prefix, Type === 'volume' ? Actor.ID : (Actor.Attributes['name'] ?? '')),
  )
  const containers = new Map<string, string[]>()
  for (const event of mine) {
    if (event.Type !== 'container' || event.Action.startsWith('exec_')) continue
    containers.set(event.Actor.ID, [...(containers.get(event.Actor.ID) ?? []), lineOf(event)])
  }
  const told = [...containers.values()].map(inOrder)
  const others = mine.filter(({ Type }) => Type !== 'container').map(({ Type, Action }) => `${Type} ${Action}`)
  return [...told.sort(), others.sort().join(', ')]
}

function isOf(prefix: string, name: string): boolean {
  return name.startsWith(`${prefix}-`)
}

function lineOf({ Action, Actor }: Told): string {
  const { exitCode, signal } = Actor.Attributes
  return `${Action}${exitCode === undefined ? '' : ` ${exitCode}`}${signal === undefined ? '' : ` ${signal}`}`
}

/**
 * What is a race within the engine counts as one thing: how many processes of a container the kernel kills, and whether that is heard at all, and before the end, how often a flapping container was restarted and what a stop then caught it at, a
 * pause that an old engine tells twice, a stop that a new one tells before or after the end that it waited for.
 */
function inOrder(actions: readonly string[]): string {
  return actions
    .join(', ')
    .replace(/oom(, oom)+/g, 'oom')
    .replace(/(die 137), oom/g, '$1')
    .replace(/oom, (die 137)/g, '$1')
    .replace(/(start, die \d+)(, \1)+.*$/, '$1 (again and again)')
    .replace(/(pause, unpause)(, \1)+/g, '$1')
    .replace(/((?:stop, )+)(die \d+)/g, (_all, stops: string, die: string) => `${die}, ${stops.slice(0, -2)}`)
}
