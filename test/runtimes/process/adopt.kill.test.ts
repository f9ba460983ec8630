/**
 * Kills the owner of the process runtime with -9 at random moments while it starts and stops programs, opening included.
 * No id may ever run twice, no line may be lost, no exit may go unseen; the judge is tested in judge.test.ts.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
  const dirs = {
    state: mkdtempSync(join(tmpdir(), 'nsctl-kill-state-')),
    work: mkdtempSync(join(tmpdir(), 'nsctl-kill-work-')),
  }
  const layout = layoutOf(dirs.state)
  const phases = new Map<string, number>()
  installSlowLink(dirs.work)
  try {
    let owner = await spawnOwner(dirs, 1)
    for (let i = 0; i < KILLS; i++) {
      const successor = await spawnOwner(dirs, i + 2)
      // every fifth dies while it opens
      if (i % 5 === 4) await sleep(Math.random() * 10)
      else await owner.said('open').then(() => sleep(Math.random() * 300))
      await owner.kill()
      for (const phase of phasesOf(layout)) phases.set(phase, (phases.get(phase) ?? 0) + 1)
      owner = successor
    }
    await owner.kill()
    await settle(dirs)
    const evidence = KEYS.map((key) => evidenceOf(key, layout, dirs.work))
    const starts = evidence.flatMap(({ journal }) => journal.filter((line) => line.startsWith('start ')))
    const ends = evidence.flatMap((one) => one.ends)
    const found = [...phases].map((phase) => phase.join(' ')).join(', ')
    console.log(`${KILLS} kills, ${starts.length} processes, ${ends.length} ends seen; found: ${found}`)
    assert.equal(evidence.flatMap(judge), [])
    assert.ok(starts.length >= KILLS, `only ${starts.length} processes ran`)
    for (const phase of ['unclaimed', 'running', 'stopping', 'ended'])
      assert.ok((phases.get(phase) ?? 0) > 0, `no owner was killed in phase ${phase}`)
  } finally {
    for (const dir of [dirs.state, dirs.work]) rmSync(dir, { recursive: true, force: true })
  }
})

test.run()

interface Dirs {
  readonly state: string
  readonly work: string
}

/** Shims are fast: one in three takes a while here to claim its attempt, so that owners die in between. */
function installSlowLink(workDir: string): void {
  const script = '#!/bin/sh\n[ $(($$ % 3)) -eq 0 ] && sleep 0.0$(($$ % 9))5\nexec /bin/ln "$@"\n'
  writeFileSync(join(workDir, 'ln'), script, { mode: 0o755 })
}

/** An owner that is loaded and waits for its turn. */
async function spawnOwner(dirs: Dirs, seed: number) {
  const args = ['--disable-warning=ExperimentalWarning', OWNER, dirs.state, dirs.work, String(seed)]
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, PATH: `${dirs.work}:${process.env.PATH}` },
  })
  const ended = new Promise<void>((resolve) => child.on('exit', () => resolve()))
  let output = ''
  child.stdout.on('data', (data) => {
    output += data
  })
  const said = (word: string) => eventually(`the owner is ${word}`, () => output.includes(word))
  await said('ready')
  return {
    said,
    kill: () => {
      child.kill('SIGKILL')
      return ended
    },
  }
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
async function settle(dirs: Dirs): Promise<void> {
  const runtime = await openProcessRuntime({
    stateDir: dirs.state,
    clock: systemClock,
    logger: silentLogger,
    logLimits: LOG_LIMITS,
  })
  noteEnds(runtime, dirs.work)
  for (const key of KEYS) await runtime.stop(specOf(key, dirs.work).id, { signal: 'SIGTERM', graceMs: 500 })
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
