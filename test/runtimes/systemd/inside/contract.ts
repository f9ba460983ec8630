/** Run inside a node: the runtime contract on its systemd. NSCTL_LAB_SCOPE says which manager. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../../src/core/clock.ts'
import { silentLogger } from '../../../../src/core/logger.ts'
import { layoutOf } from '../../../../src/runtimes/systemd/layout.ts'
import { openSystemdReader } from '../../../../src/runtimes/systemd/reader.ts'
import { openSystemdRuntime } from '../../../../src/runtimes/systemd/runtime.ts'
import { runtimeContract } from '../../contract.ts'

const scope = process.env.NSCTL_LAB_SCOPE === 'user' ? 'user' : 'system'
const stateDir = mkdtempSync(join(scope === 'system' ? '/var/lib' : '/var/tmp', 'nsctl-contract-'))

runtimeContract(`systemd (${scope})`, async () => ({
  open: () =>
    openSystemdRuntime({
      scope,
      stateDir,
      clock: systemClock,
      logger: silentLogger,
      signal: new AbortController().signal,
    }),
  reader: () => openSystemdReader({ scope, stateDir }),
  materialRoot: () => layoutOf({ scope, stateDir }).materialDir,
  async dispose() {
    rmSync(stateDir, { recursive: true, force: true })
  },
}))
