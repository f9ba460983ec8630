/**
 * Run inside a node: the runtime contract over a transport, as for a machine that is reached over SSH. The transport is this machine's own, so that the tests
 * can look at what runs from outside.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../../../src/core/clock.ts'
import { silentLogger } from '../../../../src/core/logger.ts'
import type { RuntimeReader } from '../../../../src/runtimes/runtime.ts'
import { layoutOf } from '../../../../src/runtimes/systemd/layout.ts'
import { openSystemdOver } from '../../../../src/runtimes/systemd/over/open.ts'
import { localTransport } from '../../../../src/transport/local/transport.ts'
import { runtimeContract } from '../../contract.ts'

const stateDir = mkdtempSync('/var/lib/nsctl-over-')
const runDir = mkdtempSync('/run/nsctl-over-')
// as /run/nsctl is: programs must get at what they are given
chmodSync(runDir, 0o755)
const transport = localTransport()
let reader: RuntimeReader | undefined

runtimeContract(
  'systemd over a transport',
  async () => ({
    async open() {
      const runtime = await openSystemdOver({
        ...{ transport, stateDir, runDir, clock: systemClock, logger: silentLogger },
        signal: new AbortController().signal,
        onBroken: (error) => console.log(error),
      })
      reader = runtime
      return runtime
    },
    reader: () => reader as RuntimeReader,
    materialRoot: () => layoutOf({ scope: 'system', stateDir, runDir }).materialDir,
    async dispose() {
      await transport.close()
      for (const dir of [stateDir, runDir]) rmSync(join(dir), { recursive: true, force: true })
    },
  }),
  { terminals: false },
)
