import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NsctlError } from '../../src/core/errors.ts'
import { runBeside } from '../../src/runtimes/beside.ts'

/** `cat` stands for a child that was forked as the signal came, and never got it. */
const CLEARS = `trap 'echo >"$1/cleared"; exit 143' TERM
echo >"$1/begun"
(trap '' TERM; exec cat)
echo >"$1/went-on"`

test('what is half done is cleared away, also where a child misses the signal and waits for input', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-beside-'))
  try {
    const stop = new AbortController()
    const stdin = new PassThrough()
    const streams = { stdin, stdout: new PassThrough().resume(), stderr: new PassThrough().resume() }
    const command = ['sh', '-c', CLEARS, 'sh', folder] as const
    const running = runBeside(
      command,
      {
        env: { PATH: process.env.PATH ?? '' },
        options: { command, stdin: true, tty: false, streams },
        failed: (error) => new NsctlError('Failed', error.message),
      },
      stop.signal,
    ).catch((error) => error)
    const deadlineMs = performance.now() + 10_000
    while (!existsSync(join(folder, 'begun'))) {
      assert.ok(performance.now() < deadlineMs, 'it has not begun')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    stop.abort(new Error('Ctrl-C'))
    assert.is((await running).message, 'Ctrl-C')
    assert.ok(existsSync(join(folder, 'cleared')), 'nothing was cleared away')
    assert.not(existsSync(join(folder, 'went-on')), 'it took the end of its input for that of its task')
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test.run()
