import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Controller } from '../../src/controller/index.js'
import { dockerDriver } from '../../src/driver/index.js'
import { createLoader } from '../../src/manifest/index.js'
import { containerName, formatLimits } from '../../src/model/index.js'
import { sqliteJournal } from '../../src/store/index.js'
import { BUNDLE } from '../upgrade/bundle.js'

/** What of a release can be played: the rooms that read and decide, the controller, the store, and what writes names and labels. */
export interface Release extends Words {
  readonly Controller: typeof Controller
  readonly dockerDriver: typeof dockerDriver
  readonly createLoader: typeof createLoader
  readonly sqliteJournal: typeof sqliteJournal
}

/** What a controller writes on a container. */
export interface Words {
  readonly containerName: typeof containerName
  readonly formatLimits: typeof formatLimits
}

/** What is in `src`. */
export const PRESENT: Release = Object.freeze({
  Controller,
  dockerDriver,
  createLoader,
  containerName,
  formatLimits,
  sqliteJournal,
})

const KEPT = join(import.meta.dirname, '..', 'upgrade')

/** The releases before this one, the oldest first: each is kept as it was. */
export function releasesBefore(): readonly string[] {
  return readdirSync(KEPT, { withFileTypes: true })
    .flatMap((entry) => (entry.isDirectory() ? [entry.name] : []))
    .sort()
}

export async function releaseOf(name: string): Promise<Release> {
  return (await import(pathToFileURL(join(KEPT, name, BUNDLE)).href)) as Release
}
