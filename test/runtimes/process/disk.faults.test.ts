/** A full disk: nothing is doubled or forgotten, and all goes on once there is room again. Needs root, for a small tmpfs. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../../parts.ts'
import { eventually, pidsOf } from '../contract/fixture.ts'
import { type ProcessFixture, withRuntime } from './fixture.ts'

const isRoot = process.getuid?.() === 0

/** Runs `work` on a file system of 2 MiB. */
function onSmallDisk(
  work: (context: ProcessFixture & { readonly fill: () => void; readonly free: () => void }) => Promise<void>,
) {
  return async () => {
    const stateDir = mkdtempSync(join(tmpdir(), 'nsctl-full-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'nsctl-full', stateDir])
    const ballast = join(stateDir, 'ballast')
    try {
      await withRuntime(
        (context) => work({ ...context, fill: () => fillUp(ballast), free: () => rmSync(ballast) }),
        { stateDir },
      )()
    } finally {
      execFileSync('umount', ['-l', stateDir])
      rmdirSync(stateDir)
    }
  }
}

function fillUp(path: string): void {
  for (const size of [2 ** 16, 2 ** 12, 1]) {
    try {
      for (;;) writeFileSync(path, Buffer.alloc(size), { flag: 'a' })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
    }
  }
}

needs(
  test,
  isRoot,
  'root',
)(
  'what cannot be written down is not started, and says why; it starts once there is room',
  onSmallDisk(async ({ fixture, fill, free }) => {
    const spec = fixture.shell('while :; do sleep 0.1; done')
    fill()
    await fixture.start(spec)
    const { lastExit } = await fixture.exited(spec)
    assert.is(lastExit?.reason, 'resources')
    assert.match(lastExit?.message ?? '', /ENOSPC|disk full/)
    assert.equal(pidsOf(spec), [])
    free()
    await fixture.start(spec)
    const { pid } = await fixture.running(spec)
    assert.equal(pidsOf(spec), [pid])
  }),
)

needs(
  test,
  isRoot,
  'root',
)(
  'what runs goes on, can be stopped, and its end is known, without a byte of room',
  onSmallDisk(async ({ fixture, fill, free }) => {
    const runs = fixture.shell('while :; do sleep 0.1; done')
    const ends = fixture.shell('echo ready; read -r _ </proc/self/stat; sleep 1.5; exit 7')
    await Promise.all([fixture.start(runs), fixture.start(ends)])
    await fixture.running(runs)
    await fixture.printed(ends.id, 'ready')
    fill()
    const exit = await eventually('the end is seen', () => fixture.see(ends.id)?.lastExit)
    assert.is(exit.exitCode, 7)
    await fixture.stop(runs)
    await fixture.gone(runs)
    assert.equal(pidsOf(runs), [])
    free()
    await fixture.start(runs)
    await fixture.running(runs)
  }),
)

needs(
  test,
  isRoot,
  'root',
)(
  'an owner that comes while the disk is full finds what runs and doubles nothing',
  onSmallDisk(async ({ fixture, fill, free }) => {
    const spec = fixture.shell('while :; do sleep 0.1; done')
    await fixture.start(spec)
    const { pid } = await fixture.running(spec)
    await fixture.runtime.close()
    fill()
    fixture.runtime = await fixture.harness.open()
    assert.is(fixture.see(spec.id)?.pid, pid)
    assert.equal(pidsOf(spec), [pid])
    free()
    process.kill(pid, 'SIGKILL')
    const next = await fixture.running(spec, pid)
    assert.equal(pidsOf(spec), [next.pid])
  }),
)

test.run()
