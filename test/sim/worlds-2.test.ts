import { describe } from 'vitest'
import { playSeeds } from './seeds.js'

describe('any world', () => playSeeds(1))
