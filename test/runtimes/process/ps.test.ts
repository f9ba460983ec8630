/** The process table of systems without /proc, as far as it can be tried with another system's ps. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { openPsTable } from '../../../src/runtimes/process/ps.ts'
import { openProcessReader } from '../../../src/runtimes/process/reader.ts'
import { openProcessRuntime } from '../../../src/runtimes/process/runtime.ts'
import { ContractFixture, eventually, pidsOf } from '../contract/fixture.ts'

test('this process is alive and in the snapshot, one that has ended is not', async () => {
  const table = openPsTable('boot-1')
  assert.ok(table.isAlive({ pid: process.pid, start: 0 }))
  const own = (await table.snapshot()).find((entry) => entry.pid === process.pid)
  assert.ok((own?.memoryBytes ?? 0) > 2 ** 20)
  const child = spawn('true', { stdio: 'ignore' })
  await new Promise((resolve) => child.on('exit', resolve))
  assert.not.ok(table.isAlive({ pid: child.pid as number, start: 0 }))
})

test('programs start, are found again by their shim, restart and stop', async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'nsctl-ps-'))
  const fixture = await ContractFixture.open({
    open: () =>
      openProcessRuntime({
        stateDir,
        clock: systemClock,
        logger: silentLogger,
        table: openPsTable('boot-1'),
      }),
    materialRoot: () => undefined,
    reader: () => openProcessReader({ stateDir }),
    dispose: async () => rmSync(stateDir, { recursive: true, force: true }),
  })
  try {
    assert.ok(fixture.runtime.info.cannot.includes('adoption'))
    const spec = fixture.shell('while :; do sleep 0.1; done')
    await fixture.start(spec)
    const { pid } = await fixture.running(spec)
    await fixture.reopen()
    assert.is(fixture.see(spec.id)?.pid, pid)
    process.kill(pid, 'SIGKILL')
    const next = await fixture.running(spec, pid)
    assert.is(next.restarts, 1)
    const usage = await fixture.runtime.usage()
    assert.ok((usage[0]?.memoryBytes ?? 0) > 50_000)
    await fixture.stop(spec)
    await fixture.gone(spec)
    await eventually('nothing is left', () => pidsOf(spec).length === 0)
  } finally {
    await fixture.dispose()
  }
})

test.run()
