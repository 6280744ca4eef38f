import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { promisify } from 'node:util'
import ssh2 from 'ssh2'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dockerOn, startLab, whyNoLab, type Lab, type LabServer } from './index.js'
import { removeLab } from './lab.js'
import { isAlive } from './processes.js'

const exec = promisify(execFile)
const why = whyNoLab()

it('has a lab wherever it is required', () => {
  expect(why).toBeUndefined()
})

async function ssh(lab: Lab, server: LabServer, ...command: readonly string[]): Promise<string> {
  const options = ['BatchMode=yes', 'ConnectTimeout=2', `UserKnownHostsFile=${lab.knownHostsPath}`]
  const flags = options.flatMap((option) => ['-o', option])
  const { stdout } = await exec('ssh', ['-i', lab.sshKeyPath, ...flags, `${server.user}@${server.address}`, ...command])
  return stdout.trim()
}

const ping = 'GET /_ping HTTP/1.1\\r\\nHost: docker\\r\\nConnection: close\\r\\n\\r\\n'

/** A request over a direct-streamlocal channel, Slipway's own way. */
async function pingThroughTunnel(lab: Lab, server: LabServer): Promise<string> {
  const client = new ssh2.Client()
  try {
    client.connect({ host: server.address, username: server.user, privateKey: readFileSync(lab.sshKeyPath) })
    await once(client, 'ready')
    const channel = await new Promise<Duplex>((resolve, reject) => {
      client.openssh_forwardOutStreamLocal('/var/run/docker.sock', (error: Error | undefined, stream) =>
        error === undefined ? resolve(stream) : reject(error),
      )
    })
    channel.end(JSON.parse(`"${ping}"`) as string)
    let answer = ''
    for await (const chunk of channel) answer += String(chunk)
    return answer
  } finally {
    client.end()
  }
}

async function runWeb(server: LabServer, image = 'busybox:1.36'): Promise<string> {
  const container = await dockerOn(server).createContainer({
    Image: image,
    // busybox as process 1 ignores SIGTERM, and an engine that finds its containers running stops them first.
    StopSignal: 'SIGKILL',
    Cmd: ['sh', '-c', 'mkdir -p /www && hostname > /www/index.html && exec httpd -f -h /www'],
    HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '8080' }] }, RestartPolicy: { Name: 'always' } },
    ExposedPorts: { '80/tcp': {} },
  })
  await container.start()
  return container.id
}

async function fetchWeb(server: LabServer, timeoutMs = 1500): Promise<string> {
  const deadline = Date.now() + 5000
  for (;;) {
    try {
      const answer = await fetch(`http://${server.address}:8080/`, { signal: AbortSignal.timeout(timeoutMs) })
      return (await answer.text()).trim()
    } catch (error) {
      if ((error as Error).name === 'TimeoutError' || Date.now() > deadline) throw error
    }
  }
}

async function runningOn(server: LabServer): Promise<number> {
  return (await dockerOn(server).listContainers()).length
}

describe('a lab', () => {
  let lab: Lab
  let old: LabServer
  let modern: LabServer

  beforeAll(async () => {
    lab = await startLab({
      name: 'lab-test',
      servers: [
        { name: 'lon-1', labels: { zone: 'a' } },
        { name: 'lon-2' },
        { name: 'lon-3', engine: 'modern', smallDiskBytes: 128 * 1024 * 1024, sshd: { AllowTcpForwarding: 'no' } },
      ],
    })
    old = lab.server('lon-1')
    modern = lab.server('lon-2')
  })
  afterAll(() => lab?.down())

  it('has servers with engines of two generations, each with its own identity', async () => {
    expect(old.engineVersion).toMatch(/^20\.10\./)
    expect(modern.engineVersion).toMatch(/^26\.1\./)
    expect(old.labels).toEqual({ zone: 'a' })
    const infos = await Promise.all(
      lab.servers.map(async (one) => (await dockerOn(one).info()) as { ID: string; Name: string }),
    )
    expect(infos.map((info) => info.Name)).toEqual(['lon-1', 'lon-2', 'lon-3'])
    expect(new Set(infos.map((info) => info.ID)).size).toBe(3)
  })

  it('has the same image, with the same id, on every engine', async () => {
    const ids = await Promise.all(
      lab.servers.map(async (one) => (await dockerOn(one).getImage('busybox:1.36').inspect()).Id),
    )
    expect(ids).toEqual([lab.busybox.id, lab.busybox.id, lab.busybox.id])
  })

  it('lets a user in over SSH who finds docker at its usual place', async () => {
    for (const server of [old, modern]) {
      expect(await ssh(lab, server, 'id -un; hostname')).toBe(`deploy\n${server.name}`)
      const versions = await ssh(lab, server, "docker version --format '{{.Client.Version}} {{.Server.Version}}'")
      expect(versions).toBe(`${server.engineVersion} ${server.engineVersion}`)
    }
  })

  it('shows the host key that ssh shows', async () => {
    const { stdout } = await exec('ssh-keygen', ['-l', '-F', old.address, '-f', lab.knownHostsPath])
    expect(stdout).toContain(old.hostKeyFingerprint)
  })

  it('runs containers that the machine and the other servers reach', async () => {
    await Promise.all([runWeb(old), runWeb(modern)])
    expect(await fetchWeb(old)).toMatch(/^[0-9a-f]{12}$/)
    const said = await fetchWeb(modern)
    const command = `docker run --rm busybox:1.36 wget -qO- -T 2 http://${modern.address}:8080/`
    expect(await ssh(lab, old, command)).toBe(said)
  })

  it('cuts a server off and brings it back', async () => {
    await old.cut()
    await expect(fetchWeb(old, 500)).rejects.toThrow()
    expect(await runningOn(old)).toBe(1)
    await old.restore()
    expect(await fetchWeb(old)).toMatch(/^[0-9a-f]{12}$/)
  })

  it('limits the rate of a link', async () => {
    await old.slow({ rateKbit: 1000 })
    const started = Date.now()
    await ssh(lab, old, 'head -c 200000 /dev/zero')
    expect(Date.now() - started).toBeGreaterThan(1000)
    await old.restore()
  })

  it('delays and loses what goes over a link', async () => {
    await modern.slow({ delayMs: 40, lossPercent: 1 })
    await fetchWeb(modern, 4000)
    const started = Date.now()
    await fetchWeb(modern, 4000)
    expect(Date.now() - started).toBeGreaterThan(70)
    await modern.restore()
    await fetchWeb(modern)
    const restored = Date.now()
    await fetchWeb(modern)
    expect(Date.now() - restored).toBeLessThan(70)
  })

  it('kills an engine and leaves its containers running', async () => {
    const before = await fetchWeb(old)
    await old.killEngine()
    expect(await old.isEngineUp()).toBe(false)
    expect(await fetchWeb(old)).toBe(before)
    await old.startEngine()
    expect(await runningOn(old)).toBe(1)
  })

  it('kills an engine with its containers, which Docker starts again with the engine', async () => {
    await modern.killEngine({ containers: true })
    await expect(fetchWeb(modern, 300)).rejects.toThrow()
    await modern.startEngine()
    expect(await fetchWeb(modern)).toMatch(/^[0-9a-f]{12}$/)
  })

  it('pulls the plug of a server, which comes back with its containers, address and host key', async () => {
    const key = old.hostKeyFingerprint
    await old.powerOff()
    await expect(ssh(lab, old, 'true')).rejects.toThrow()
    await old.powerOn()
    expect(old.hostKeyFingerprint).toBe(key)
    expect(await ssh(lab, old, 'hostname')).toBe('lon-1')
    expect(await fetchWeb(old)).toMatch(/^[0-9a-f]{12}$/)
  })

  it('loses all containers of an engine', async () => {
    await modern.loseContainers()
    expect(await dockerOn(modern).listContainers({ all: true })).toEqual([])
    expect((await dockerOn(modern).listImages()).length).toBe(1)
    await runWeb(modern)
    expect(await fetchWeb(modern)).toMatch(/^[0-9a-f]{12}$/)
  })

  it('fills a small disk and frees it', async () => {
    const small = lab.server('lon-3')
    const image = await lab.image('shop/big:1', { ballastBytes: 8 * 1024 * 1024 })
    await small.fillDisk()
    await expect(small.load(image)).rejects.toThrow(/no space left/)
    await small.freeDisk()
    await small.load(image)
  })

  it('forwards to the engine’s socket, and forbids it where asked to', async () => {
    expect(await pingThroughTunnel(lab, old)).toContain('200 OK')
    expect(await pingThroughTunnel(lab, modern)).toContain('200 OK')
    await expect(pingThroughTunnel(lab, lab.server('lon-3'))).rejects.toThrow(/prohibited|open failed/i)
  })

  it('has docker system dial-stdio where forwarding is forbidden', async () => {
    const answer = await ssh(lab, lab.server('lon-3'), `printf '${ping}' | docker system dial-stdio`)
    expect(answer).toContain('200 OK')
  })

  it('makes images with files, environment and a health check', async () => {
    const image = await lab.image('shop/web:1', {
      files: { 'www/index.html': 'one' },
      env: { COLOUR: 'red' },
      cmd: ['httpd', '-f', '-h', '/www'],
      healthcheck: { test: ['CMD', 'wget', '-q', '-O-', 'http://127.0.0.1/'], intervalMs: 1000 },
    })
    await lab.load(image, [old])
    const seen = await dockerOn(old).getImage('shop/web:1').inspect()
    expect(seen.Id).toBe(image.id)
    expect(seen.Config.Env).toContain('COLOUR=red')
  })

  it('changes a host key', async () => {
    const before = old.hostKeyFingerprint
    await old.changeHostKey()
    expect(old.hostKeyFingerprint).not.toBe(before)
    await expect(ssh(lab, old, 'true')).rejects.toThrow(/HOST IDENTIFICATION HAS CHANGED|verification failed/i)
  })
})

describe('what stands in the way of a lab', () => {
  it('is not being root, and the lab says so', async () => {
    const script = "import('./test/lab/index.ts').then((lab) => console.log(lab.whyNoLab()))"
    const { stdout } = await exec('npx', ['tsx', '-e', `process.setuid(65534); ${script}`])
    expect(stdout).toContain('needs root')
  })

  it('is a lab of that name with a living owner', async () => {
    const script = `import { startLab } from './test/lab/index.ts'
      await startLab({ name: 'lab-owned', servers: [] })
      process.stdout.write('up\\n')
      await new Promise((resolve) => process.stdin.once('data', resolve).once('end', resolve))`
    const owner = spawn('npx', ['tsx', '--input-type=module', '-e', script])
    await once(owner.stdout, 'data')
    await expect(startLab({ name: 'lab-owned', servers: [] })).rejects.toThrow(/still runs/)
    owner.stdin.end('\n')
    await once(owner, 'exit')
    await (await startLab({ name: 'lab-owned', servers: [] })).down()
  })
})

describe('a lab whose process died', () => {
  it('is cleared away by name, with every process and link', async () => {
    const script = `import { startLab } from './test/lab/index.ts'
      const lab = await startLab({ name: 'lab-crash', servers: 1 })
      process.stdout.write(JSON.stringify(lab.servers[0].keeper) + '\\n')
      process.kill(process.pid, 'SIGKILL')`
    const crashed = exec('npx', ['tsx', '--input-type=module', '-e', script]).catch(
      (error: { stdout: string }) => error,
    )
    const keeper = JSON.parse((await crashed).stdout.split('\n')[0] ?? '') as { pid: number; startTicks: number }
    expect(isAlive(keeper)).toBe(true)
    const next = await startLab({ name: 'lab-next', servers: [] })
    await next.down()
    expect(isAlive(keeper)).toBe(false)
    await removeLab('lab-crash')
  })
})
