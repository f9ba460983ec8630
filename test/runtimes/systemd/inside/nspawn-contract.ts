/** Run inside a node: the runtime contract with every program in a container of its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { systemClock } from '../../../../src/core/clock.ts'
import { silentLogger } from '../../../../src/core/logger.ts'
import { layoutOf } from '../../../../src/runtimes/systemd/layout.ts'
import { openSystemdReader } from '../../../../src/runtimes/systemd/reader.ts'
import { openSystemdRuntime, type SystemdRuntime } from '../../../../src/runtimes/systemd/runtime.ts'
import { runtimeContract } from '../../contract.ts'

const scope = 'system'
const stateDir = mkdtempSync('/var/lib/nsctl-nspawn-')

runtimeContract('nspawn', async () => ({
  open: async () =>
    contained(
      await openSystemdRuntime({
        scope,
        stateDir,
        clock: systemClock,
        logger: silentLogger,
        signal: new AbortController().signal,
      }),
    ),
  reader: () => openSystemdReader({ scope, stateDir }),
  materialRoot: () => layoutOf({ scope, stateDir }).materialDir,
  async dispose() {
    rmSync(stateDir, { recursive: true, force: true })
  },
}))

function contained(runtime: SystemdRuntime): SystemdRuntime {
  const start = runtime.start.bind(runtime)
  runtime.start = (spec, signal) => start({ ...spec, container: {} }, signal)
  return runtime
}
