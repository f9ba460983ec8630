/** What `npm start` shows, told to end in the middle: nothing that it started stays. */
import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root } from '../commands/nsctl.ts'
import { needs } from '../parts.ts'

/** Processes that were started with `text` in their environment. */
function processesOf(text: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text)
    } catch {
      // it has ended, or is somebody else's
      return false
    }
  })
}

async function until(what: string, condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!condition()) {
    assert.ok(performance.now() < deadline, `waited in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const hasProc = existsSync('/proc/self/environ')

for (const [moment, sign] of [
  ['before it is ready', 'nsctl-tour-*/up.log'],
  ['while its workloads run', 'nsctl-tour-*/process/process/run/*.claim'],
] as const) {
  needs(
    test,
    hasProc,
    '/proc',
  )(`Ctrl-C ${moment} ends all that the tour has started`, async () => {
    // builds what is stale before anything is timed by it
    createHome().remove()
    const folder = mkdtempSync(join(tmpdir(), 'nsctl-interrupted-'))
    const args = [join(root, 'scripts/tour.ts'), '--once', '--runtime', 'process']
    const tour = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...args], {
      env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder },
      stdio: 'ignore',
      detached: true,
    })
    const ended = new Promise((resolve) => tour.once('exit', resolve))
    try {
      await until(sign, () => globSync(join(folder, sign)).length > 0)
      process.kill(-(tour.pid ?? 0), 'SIGINT')
      assert.is(await ended, 1)
      await until('its processes are gone', () => processesOf(folder).length === 0)
      assert.equal(readdirSync(folder), [])
    } finally {
      for (const pid of processesOf(folder)) process.kill(Number(pid), 'SIGKILL')
      rmSync(folder, { recursive: true, force: true })
    }
  })
}

test.run()
