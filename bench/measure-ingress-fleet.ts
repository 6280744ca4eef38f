import { sampleOf } from './figures.js'
import type { Figure } from './figures.js'
import { SimulatedProxies } from './ingress-fleet.js'
import type { ChangeCost, FleetSize } from './ingress-fleet.js'

const SMALL: FleetSize = { servers: 5, services: 50, replicasEach: 4 }
const WIDE: FleetSize = { servers: 50, services: 50, replicasEach: 4 }
const LARGE: FleetSize = { servers: 50, services: 500, replicasEach: 4 }
/** Until what runs is compiled. */
const WARM_UP = 3
const CHANGES_EACH = 1

/** What one replica's change costs, in a small fleet and in large ones: the same for each proxy that is told, if nothing grows with the fleet. */
export async function measureIngressFleet(runs: number, say: (line: string) => void): Promise<readonly Figure[]> {
  const small = await costsOf(SMALL, runs, say)
  const [wide, large] = [await costsOf(WIDE, runs, say), await costsOf(LARGE, runs, say)]
  const compared = (
    what: string,
    of: (cost: ChangeCost) => number,
    floor: readonly ChangeCost[],
    floorSize: FleetSize,
    unit: Figure['unit'] = 'ms',
  ): Figure => ({
    group: 'ingress',
    what: `one replica exchanged among ${sizeText(LARGE)}: ${what}`,
    unit,
    slipway: sampleOf(large.map(of)),
    floor: sampleOf(floor.map(of)),
    floorIs: `the same among ${sizeText(floorSize)}`,
    target: null,
  })
  const keeper = ({ keeperMs, told }: ChangeCost): number => keeperMs / told
  const driver = ({ driverMs, told }: ChangeCost): number => driverMs / told
  return [
    compared('tables, CPU for each proxy told', keeper, small, SMALL),
    compared('tables, CPU for each proxy told', keeper, wide, WIDE),
    compared('render and plan, CPU for each proxy told', driver, small, SMALL),
    compared('render and plan, CPU for each proxy told', driver, wide, WIDE),
    compared('times a proxy is told', ({ told }) => told, wide, WIDE, 'calls'),
    compared('files of a proxy', ({ bytes }) => bytes / 1e6, small, SMALL, 'MB'),
  ]
}

function sizeText({ servers, services, replicasEach }: FleetSize): string {
  return `${services} services, ${services * replicasEach} replicas, ${servers} servers`
}

async function costsOf(size: FleetSize, runs: number, say: (line: string) => void): Promise<readonly ChangeCost[]> {
  say(`one replica exchanged among ${sizeText(size)}`)
  const fleet = new SimulatedProxies(size)
  await fleet.settle()
  const costs: ChangeCost[] = []
  for (let round = 0; round < WARM_UP + runs * CHANGES_EACH; round += 1) {
    const cost = await fleet.exchange(round)
    if (round >= WARM_UP) costs.push(cost)
  }
  return costs
}
