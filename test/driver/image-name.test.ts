import { describe, expect, it } from 'vitest'
import { digestFor, parseImage, pinnedReference, versionOf } from '../../src/driver/image-name.js'

const hash = `sha256:${'a'.repeat(64)}`
const otherHash = `sha256:${'b'.repeat(64)}`

describe('an image reference', () => {
  it.each([
    ['busybox', 'docker.io', 'library/busybox', 'latest'],
    ['busybox:1.36', 'docker.io', 'library/busybox', '1.36'],
    ['docker.io/library/busybox:1.36', 'docker.io', 'library/busybox', '1.36'],
    ['acme/web:2', 'docker.io', 'acme/web', '2'],
    ['r.example.com/web', 'r.example.com', 'web', 'latest'],
    ['r.example.com:5000/team/web:2', 'r.example.com:5000', 'team/web', '2'],
    ['localhost/web', 'localhost', 'web', 'latest'],
    ['r.example.com:5000/web', 'r.example.com:5000', 'web', 'latest'],
    [`busybox:1.36@${hash}`, 'docker.io', 'library/busybox', hash],
  ])('%s is in %s, %s, version %s', (reference, registry, path, version) => {
    const image = parseImage(reference)
    expect([image.registry, image.path, versionOf(image)]).toEqual([registry, path, version])
  })

  it('is pinned by the digest and keeps its tag for people', () => {
    expect(pinnedReference('r:5000/web:2', `r:5000/web@${hash}`)).toBe(`r:5000/web:2@${hash}`)
    expect(pinnedReference('web', `web@${hash}`)).toBe(`web@${hash}`)
    expect(pinnedReference('web:1', null)).toBeNull()
  })

  it('has the digest of its own repository, whatever others the engine knows', () => {
    const known = [`r.example.com/busybox@${otherHash}`, `busybox@${hash}`]
    expect(digestFor(parseImage('docker.io/library/busybox:1'), known, null)).toBe(`busybox@${hash}`)
    expect(digestFor(parseImage('quay.io/busybox:1'), known, null)).toBeNull()
    expect(digestFor(parseImage('busybox:1'), [], null)).toBeNull()
  })

  it('has of several digests the one just pulled', () => {
    const known = [`busybox@${hash}`, `busybox@${otherHash}`]
    expect(digestFor(parseImage('busybox:1'), known, otherHash)).toBe(`busybox@${otherHash}`)
  })
})
