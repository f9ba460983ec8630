/**
 * Kills the owner of the process runtime with -9 at random moments while it starts and stops programs, opening included.
 * No id may ever run twice, no line may be lost, no exit may go unseen; the judge is tested in judge.test.ts.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { attemptPaths, fileNameOf, type Layout, layoutOf } from '../../../src/runtimes/process/layout.ts'
import { loadRecord, recordNames } from '../../../src/runtimes/process/records.ts'
import { openProcessRuntime } from '../../../src/runtimes/process/runtime.ts'
import { eventually } from '../contract/fixture.ts'
import { type Evidence, judge } from './kill/judge.ts'
import { KEYS, LOG_LIMITS, noteEnds, specOf } from './kill/workload.ts'

const KILLS = Number(process.env.NSCTL_KILLS ?? 80)
const OWNER = join(import.meta.dirname, 'kill/owner.ts')

test(`${KILLS} owners killed with -9: no doubles, no line lost, no end unseen`, async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'nsctl-kill-state-'))
  const workDir = mkdtempSync(join(tmpdir(), 'nsctl-kill-work-'))
  const layout = layoutOf(stateDir)
  const phases = new Map<string, number>()
  try {
    for (let i = 0; i < KILLS; i++) {
      // every sixth dies while it opens
      await ownAndDie([stateDir, workDir, String(i + 1)], i % 6 === 5 ? 'opening' : 'open')
      for (const phase of phasesOf(layout)) phases.set(phase, (phases.get(phase) ?? 0) + 1)
    }
    await settle(stateDir, workDir)
    const evidence = KEYS.map((key) => evidenceOf(key, layout, workDir))
    const starts = evidence.flatMap(({ journal }) => journal.filter((line) => line.startsWith('start ')))
    const ends = evidence.flatMap((one) => one.ends)
    console.log(
      `${KILLS} kills, ${starts.length} processes, ${ends.length} ends seen; found: ${[...phases].map((p) => p.join(' ')).join(', ')}`,
    )
    assert.equal(evidence.flatMap(judge), [])
    assert.ok(starts.length >= KILLS, `only ${starts.length} processes ran`)
    for (const phase of ['running', 'stopping', 'ended'])
      assert.ok((phases.get(phase) ?? 0) > 0, `no owner was killed in phase ${phase}`)
  } finally {
    rmSync(stateDir, { recursive: true, force: true })
    rmSync(workDir, { recursive: true, force: true })
  }
})

test.run()

async function ownAndDie(args: readonly string[], moment: 'opening' | 'open'): Promise<void> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', OWNER, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve))
  if (moment === 'open') {
    await Promise.race([
      new Promise((resolve) => child.stdout.once('data', resolve)),
      ended.then((code) => Promise.reject(new Error(`the owner ended with ${code}`))),
    ])
    await sleep(Math.random() * 400)
  } else await sleep(100 + Math.random() * 150)
  child.kill('SIGKILL')
  await ended
}

/** Where the killed owner was with each program. */
function phasesOf(layout: Layout): readonly string[] {
  if (!existsSync(layout.programs)) return []
  return recordNames(layout).map((name) => {
    const record = loadRecord(layout, name)
    if (record === undefined || record.stage === 'settled') return 'settled'
    if (record.stopping !== undefined) return 'stopping'
    if (record.stage === 'ended') return 'ended'
    const paths = attemptPaths(layout, name, record.attempt)
    if (!existsSync(paths.claim)) return 'unclaimed'
    return existsSync(paths.exit) ? 'unnoticed' : 'running'
  })
}

/** A last owner sees every end and stops everything. */
async function settle(stateDir: string, workDir: string): Promise<void> {
  const options = { stateDir, clock: systemClock, logger: silentLogger, logLimits: LOG_LIMITS }
  await ownAndDie([stateDir, workDir, '0'], 'open')
  const runtime = await openProcessRuntime(options)
  noteEnds(runtime, workDir)
  for (const key of KEYS) await runtime.stop(specOf(key, workDir).id, { signal: 'SIGTERM', graceMs: 500 })
  await eventually('everything has ended', () =>
    [...runtime.observe().values()].every((seen) => seen.state === 'exited'),
  )
  await runtime.close()
}

function evidenceOf(key: string, layout: Layout, workDir: string): Evidence {
  const { logDir } = attemptPaths(layout, fileNameOf(specOf(key, workDir).id), 0)
  const output = readdirSync(logDir)
    .filter((file) => file.endsWith('.out'))
    .map((file) => [file.slice(0, -'.out'.length), linesOf(join(logDir, file))] as const)
  const ends = linesOf(join(workDir, `${key}.ends`))
    .filter((line, i, all) => line !== all[i - 1])
    .map((line) => line.slice(line.indexOf(' ') + 1))
  return { key, journal: linesOf(join(workDir, `${key}.journal`)), output: new Map(output), ends }
}

function linesOf(path: string): readonly string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
}
