// Writes docs/compose.md: `npm run docs`.
import { mkdirSync, writeFileSync } from 'node:fs'
import { composePage } from './compose-page.js'

const page = new URL('../docs/compose.md', import.meta.url)
mkdirSync(new URL('.', page), { recursive: true })
writeFileSync(page, composePage())
