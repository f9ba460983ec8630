/** A disk that gets full beneath the history: what it is about keeps its room, and it goes on once there is space. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import type { Logger } from '../../../src/core/logger.ts'
import { openSqliteHistory } from '../../../src/telemetry/history/sqlite/history.ts'
import { needs } from '../../parts.ts'
import { decision, sample, WEB } from './entries.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const DISK_MB = 16

needs(
  test,
  process.getuid?.() === 0,
  'root, for a tmpfs',
)('a full disk', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-history-disk-'))
  assert.is(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MB}m`, 'tmpfs', folder]).status, 0)
  const clock = new ManualClock(NOW)
  const lines: string[] = []
  const logger: Logger = { log: (_, message) => void lines.push(message), with: () => logger }
  const history = await openSqliteHistory({ path: join(folder, 'history.db'), clock, logger })
  try {
    for (let second = 0; second < 1_000; second++) {
      for (let i = 0; i < 40; i++)
        history.append({
          ...sample(NOW + second * 1_000 + i),
          content: { padding: 'x'.repeat(500), replicas: 1, desired: 1, demand: {} },
        })
      clock.advance(1_000)
    }
    const { bavail, blocks } = statfsSync(folder)
    assert.ok(bavail > blocks / 2, `only ${bavail} of ${blocks} blocks are left to others`)
    // another takes what is left
    const filler = join(folder, 'filler')
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'])
    assert.is(statfsSync(folder).bavail, 0, 'the disk is not full: the test would show nothing')
    history.append(decision(NOW + 2_000_000))
    for (let i = 0; i < 30; i++) clock.advance(1_000)
    assert.ok(lines.some((line) => /cannot be written: .*full/.test(line)))
    assert.ok(
      (await history.list({ object: WEB, kind: 'sample', limit: 1 })).length > 0,
      'it can still be read',
    )
    spawnSync('mount', ['-o', `remount,size=${DISK_MB * 4}m`, folder])
    rmSync(filler)
    for (let i = 0; i < 30; i++) clock.advance(1_000)
    assert.equal(await history.list({ object: WEB, kind: 'decision' }), [decision(NOW + 2_000_000)])
    await history.close()
  } finally {
    spawnSync('umount', ['-l', folder])
    rmSync(folder, { recursive: true, force: true })
  }
})

test.run()
