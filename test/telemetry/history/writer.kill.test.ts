/** kill -9 of the process that writes: no more is missing than it had not written yet, and the file is well. */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openSqliteHistoryReader } from '../../../src/telemetry/history/sqlite/reader.ts'
import { WEB } from './entries.ts'

const ROUNDS = 12
/** A second until it is written, and as much again for a busy machine. */
const UNWRITTEN_MS = 2_000

test(`${ROUNDS} times`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-history-kill-'))
  const path = join(folder, 'history.db')
  let count = 0
  let longestMs = 0
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const writer = spawn(process.execPath, [join(import.meta.dirname, 'writer.ts'), path], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const ended = new Promise((resolve) => writer.once('exit', resolve))
      let text = ''
      await new Promise<void>((resolve) => {
        writer.stdout.on('data', (data) => {
          text += data
          if (text.split('\n').length > 250 + round * 11) resolve()
        })
      })
      writer.kill('SIGKILL')
      await ended
      const killedMs = Date.now()
      const said = text.split('\n').slice(0, -1).map(Number)
      count += said.length
      const reader = await openSqliteHistoryReader(path)
      const known = new Set((await reader?.list({ object: WEB, kind: 'decision' }))?.map(({ atMs }) => atMs))
      reader?.close()
      const missing = said.filter((atMs) => !known.has(atMs))
      assert.ok(missing.length < said.length, `round ${round}: nothing was written`)
      longestMs = Math.max(longestMs, ...missing.map((atMs) => killedMs - atMs))
      assert.ok(longestMs <= UNWRITTEN_MS, `round ${round}: one that was ${longestMs} ms old is not there`)
    }
    assert.not.ok(existsSync(`${path}.damaged`))
    console.log(
      `${count} decisions, ${ROUNDS} kills, the oldest that was not written was ${longestMs} ms old`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.run()
