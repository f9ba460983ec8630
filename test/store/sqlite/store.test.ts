import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { openSqliteStore } from '../../../src/store/sqlite/store.ts'
import { storeContract } from '../contract.ts'

storeContract('sqlite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'nsctl-store-'))
  const options = {
    path: join(directory, 'store.db'),
    clock: systemClock,
    logger: silentLogger,
    historyRevisions: 400,
  }
  return {
    store: await openSqliteStore(options),
    reopen: () => openSqliteStore(options),
    historyRevisions: 400,
    cleanup: () => rm(directory, { recursive: true }),
  }
})

test.run()
