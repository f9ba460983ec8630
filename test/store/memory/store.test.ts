import { test } from 'uvu'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import { storeContract } from '../contract.ts'

storeContract('memory', async () => ({
  store: createMemoryStore({ historyRevisions: 400 }),
  historyRevisions: 400,
  cleanup: async () => {},
}))

test.run()
