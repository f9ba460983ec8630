import { test } from 'uvu'
import { MemoryCatalog } from '../../../src/traffic/memory/catalog.ts'
import { catalogContract } from '../contract.ts'

const machine = new MemoryCatalog()
catalogContract('memory', (owner) => machine.of(owner))

test.run()
