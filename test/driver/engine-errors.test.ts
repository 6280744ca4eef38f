import { describe, expect, it } from 'vitest'
import { refusedProblem } from '../../src/driver/engine-errors.js'

const attempted = { server: 'lon-1', what: 'do it' }
const pulling = { ...attempted, image: 'busybox:1.36' }

/** As engines 20.10, 26.1 and 28.5 say it. */
describe('what an engine refuses', () => {
  it.each([
    [500, 'write /var/lib/docker/tmp/x: no space left on device', 'DISK_FULL'],
    [
      500,
      'driver failed programming external connectivity on endpoint shop-web-1 (abc): Bind for 0.0.0.0:8080 failed: port is already allocated',
      'PORT_TAKEN',
    ],
    [
      500,
      'failed to set up container networking: driver failed programming external connectivity on endpoint x: failed to bind host port for 0.0.0.0:80:172.17.0.2:80/tcp: address already in use',
      'PORT_TAKEN',
    ],
    [500, 'Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use', 'PORT_TAKEN'],
    [
      409,
      'Conflict. The container name "/shop-web-1" is already in use by container "abc". You have to remove (or rename) that container to be able to reuse that name.',
      'NAME_TAKEN',
    ],
    [404, 'No such image: busybox:9', 'IMAGE_NOT_FOUND'],
    [404, 'No such container: abc', 'CONTAINER_GONE'],
    [404, 'network shop_default not found', 'NETWORK_CONFLICT'],
    [409, 'network with name shop_default already exists', 'NETWORK_CONFLICT'],
    [403, 'error while removing network: network shop_default id abc has active endpoints', 'NETWORK_CONFLICT'],
    [403, 'Pool overlaps with other one on this address space', 'NETWORK_CONFLICT'],
    [
      500,
      'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
      'NETWORK_CONFLICT',
    ],
    [403, 'container rootfs is marked read-only', 'CONFLICT'],
    [400, 'client version 1.51 is too new. Maximum supported API version is 1.45', 'ENGINE_TOO_OLD'],
    [500, 'something nobody has seen', 'ENGINE_ERROR'],
    [502, '', 'ENGINE_ERROR'],
    [401, 'unauthorized', 'ENGINE_ERROR'],
  ])('%s %s is %s', (status, message, code) => {
    expect(refusedProblem(status, message, attempted)).toMatchObject({ code, server: 'lon-1' })
  })

  it.each([
    [404, 'manifest for busybox:9 not found: manifest unknown: manifest unknown', 'IMAGE_NOT_FOUND'],
    [
      404,
      "pull access denied for nobody/nothing, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      'REGISTRY_AUTH',
    ],
    [500, 'Get "https://r.example.com/v2/x/manifests/1": no basic auth credentials', 'REGISTRY_AUTH'],
    [500, 'unauthorized: authentication required', 'REGISTRY_AUTH'],
    [500, 'Get "https://r.example.com/v2/": dial tcp: lookup r.example.com: no such host', 'REGISTRY_UNREACHABLE'],
    [
      500,
      'Get "http://10.0.0.1:5000/v2/": dial tcp 10.0.0.1:5000: connect: connection refused',
      'REGISTRY_UNREACHABLE',
    ],
    [
      500,
      'Get "https://r/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
      'REGISTRY_UNREACHABLE',
    ],
    [500, 'Get "https://r/v2/": x509: certificate signed by unknown authority', 'REGISTRY_UNREACHABLE'],
    [500, 'http: server gave HTTP response to HTTPS client', 'REGISTRY_UNREACHABLE'],
    [0, 'toomanyrequests: You have reached your pull rate limit', 'REGISTRY_UNREACHABLE'],
    [0, 'failed to register layer: write /x: no space left on device', 'DISK_FULL'],
    [404, 'no matching manifest for linux/arm64/v8 in the manifest list entries', 'IMAGE_NOT_FOUND'],
  ])('in a pull %s %s is %s', (status, message, code) => {
    expect(refusedProblem(status, message, pulling).code).toBe(code)
  })

  it('keeps messages of any length and shape on one line', () => {
    const problem = refusedProblem(500, `a\n${'b'.repeat(5_000)}`, attempted)
    expect(problem.message).not.toContain('\n')
    expect(problem.message.length).toBeLessThan(700)
  })
})
