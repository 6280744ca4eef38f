import { readFileSync, readdirSync } from 'node:fs'
import { expect, it } from 'vitest'
import { specHash } from '../../src/model/index.js'
import { desiredOf } from '../manifest/repository.js'

const root = new URL('first-shop/', import.meta.url)

/** Written down from the first version. A change here restarts everybody's containers when they upgrade. */
const HASHES = {
  api: 'ebd3983e03b9fa185584',
  migrate: '4853dfab8cf90bc5ba47',
  store: 'a90141c324cabe2f944b',
  web: '5bf5fbd687e79e09d5e5',
  worker: '37a3f28cc4cfccee1d69',
}

it('services that use nothing new keep the hash that they had', () => {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => `${entry.parentPath}/${entry.name}`.replace(root.pathname, '').replace(/^\//, ''))
  const [entry] = desiredOf(
    Object.fromEntries(paths.map((path) => [path, readFileSync(new URL(path, root), 'utf8')])),
  ).stacks
  const services = entry?.kind === 'valid' ? entry.stack.services : []
  expect(Object.fromEntries(services.map((spec) => [spec.name, specHash(spec)]))).toEqual(HASHES)
})
