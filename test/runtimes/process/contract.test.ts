import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { openProcessReader } from '../../../src/runtimes/process/reader.ts'
import { openProcessRuntime } from '../../../src/runtimes/process/runtime.ts'
import { runtimeContract } from '../contract.ts'
import { materialRootOf } from './fixture.ts'

runtimeContract('the process runtime', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'nsctl-process-'))
  return {
    open: () => openProcessRuntime({ stateDir, clock: systemClock, logger: silentLogger }),
    materialRoot: () => materialRootOf(stateDir),
    reader: () => openProcessReader({ stateDir }),
    dispose: async () => rmSync(stateDir, { recursive: true, force: true }),
  }
})
