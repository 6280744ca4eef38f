import type { Lab } from './lab.js'
import type { LabServer } from './server.js'

export function say(line: string, to: NodeJS.WritableStream = process.stdout): void {
  to.write(`${line}\n`)
}

/** The lab as `status` prints it. */
export async function describeLab(lab: Lab, hasRegistry: boolean): Promise<string> {
  const lines = [`lab ${lab.name}, in ${lab.dir}`]
  for (const server of lab.servers) lines.push(await describeServer(server))
  if (hasRegistry) {
    const secret = lab.privateRegistry
    lines.push(
      `  registry ${lab.registry.address}, with credentials ${secret.address} (${secret.user} / ${secret.password})`,
    )
  }
  lines.push(`  key      ${lab.sshKeyPath}`, `  known    ${lab.knownHostsPath}`)
  return lines.join('\n')
}

async function describeServer(server: LabServer): Promise<string> {
  const engine = (await server.isEngineUp()) ? `docker ${server.engineVersion}` : 'engine down'
  const what = server.isPoweredOn ? engine : 'powered off'
  const columns = [server.name.padEnd(8), server.address.padEnd(13), what.padEnd(23), server.hostKeyFingerprint]
  return `  ${columns.join(' ')}\n  ${''.padEnd(8)} unix://${server.socketPath}`
}

/** The servers as they stand in a slipway.yaml. */
export function describeFleet(lab: Lab): string {
  const servers = lab.servers.flatMap((server) => [
    `  ${server.name}:`,
    `    address: ${server.address}`,
    `    user: ${server.user}`,
    `    host_key: ${server.hostKeyFingerprint}`,
    ...(Object.keys(server.labels).length > 0 ? [`    labels: ${JSON.stringify(server.labels)}`] : []),
  ])
  return [`fleet: ${lab.name}`, 'servers:', ...servers].join('\n')
}
