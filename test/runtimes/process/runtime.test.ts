/** What is the process runtime's own, beyond the contract. */
import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../src/core/clock.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { fileNameOf, layoutOf, recordPath } from '../../../src/runtimes/process/layout.ts'
import { FORGOTTEN_KEPT_MS, pruneForgotten } from '../../../src/runtimes/process/retention.ts'
import { openProcessRuntime } from '../../../src/runtimes/process/runtime.ts'
import { parseClaim } from '../../../src/runtimes/process/shim.ts'
import { eventually, pidsOf, pidsWith } from '../contract/fixture.ts'
import { withRuntime } from './fixture.ts'

const FOREVER = 'while :; do sleep 0.1; done'

async function rejection(work: Promise<unknown>): Promise<unknown> {
  try {
    await work
  } catch (error) {
    return error
  }
  throw new Error('it should have been rejected')
}

test(
  'a program that is to be in a container is refused, and not run beside others',
  withRuntime(async ({ fixture }) => {
    const spec = fixture.shell(FOREVER, { container: {} })
    const error = await rejection(fixture.start(spec))
    assert.ok(isNsctlError(error, 'Unsupported'))
    assert.equal(pidsOf(spec), [])
  }),
)

test(
  'a second owner is refused and told who the first is; kill -9 makes room at once',
  withRuntime(async ({ fixture, stateDir }) => {
    const open = () => openProcessRuntime({ stateDir, clock: systemClock, logger: silentLogger })
    const error = await rejection(open())
    assert.ok(isNsctlError(error, 'Conflict'))
    assert.match(error.message, `pid ${process.pid}`)
    assert.ok(error.next)
    await fixture.runtime.close()

    const owner = join(import.meta.dirname, 'kill/owner.ts')
    const child = spawn(
      process.execPath,
      ['--disable-warning=ExperimentalWarning', owner, stateDir, stateDir],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    const gone = new Promise((resolve) => child.on('exit', resolve))
    let output = ''
    child.stdout.on('data', (data) => {
      output += data
    })
    await eventually('the child owns it', () => output.includes('open'))
    assert.match(String(await rejection(open())), `pid ${child.pid}`)
    child.kill('SIGKILL')
    await gone
    fixture.runtime = await fixture.harness.open()
  }),
)

test(
  'a probe that takes too long is ended with all that it has started',
  withRuntime(async ({ fixture }) => {
    const spec = fixture.shell(FOREVER)
    await fixture.start(spec)
    await fixture.running(spec)
    const tooLong = new AbortController()
    const command = ['sh', '-c', 'sleep 98.7654321; true'] as const
    const probing = fixture.harness
      .reader()
      .exec(spec.id, { command, tty: false, stdin: false, quiet: true }, tooLong.signal)
    const isThere = () =>
      execFileSync('ps', ['-axww', '-o', 'args='], { encoding: 'utf8' }).includes('\nsleep 98.7654321')
    await eventually('it has started something', isThere)
    tooLong.abort()
    assert.is(await rejection(probing), tooLong.signal.reason)
    await eventually('nothing of it is left', () => !isThere())
    await fixture.stop(spec)
  }),
)

test(
  'an environment shows in no process list and in no file of others',
  withRuntime(async ({ fixture, stateDir }) => {
    const spec = fixture.shell(`echo "got $SECRET"; ${FOREVER}`, {
      env: { PATH: '/usr/bin:/bin', SECRET: 'hunter2-hunter2' },
    })
    await fixture.start(spec)
    await fixture.printed(spec.id, 'got hunter2-hunter2')
    assert.not.ok(
      execFileSync('ps', ['-axww', '-o', 'args='], { encoding: 'utf8' }).includes('hunter2-hunter2'),
    )
    for (const dir of ['process', 'process/programs', 'process/run', 'process/logs'])
      assert.is(statSync(join(stateDir, dir)).mode & 0o077, 0, dir)
    assert.is(statSync(recordPath(layoutOf(stateDir), fileNameOf(spec.id))).mode & 0o077, 0)
  }),
)

test(
  'a child that has left the session is found by its mark and ended with the rest',
  withRuntime(async ({ fixture }) => {
    const word = `stray-${process.pid}-${performance.now()}`
    const spec = fixture.shell(`setsid sh -c "trap '' TERM; ${FOREVER}" ${word} & echo ready; ${FOREVER}`)
    await fixture.start(spec)
    await fixture.printed(spec.id, 'ready')
    await eventually('the stray runs', () => pidsWith(word).length > 0)
    await fixture.stop(spec, 300)
    await fixture.gone(spec)
    assert.equal(pidsWith(word), [])
  }),
)

test(
  'another spec under an id that runs is refused',
  withRuntime(async ({ fixture }) => {
    const spec = fixture.shell(FOREVER)
    await fixture.start(spec)
    const { pid } = await fixture.running(spec)
    const error = await rejection(fixture.start({ ...spec, env: { ...spec.env, PORT: '2' } }))
    assert.ok(isNsctlError(error, 'Conflict'))
    assert.is(fixture.see(spec.id)?.pid, pid)
    const forgotten = await rejection(fixture.runtime.forget(spec.id))
    assert.ok(isNsctlError(forgotten, 'Conflict'))
  }),
)

test(
  'a working directory that is not there is an exec failure that names it',
  withRuntime(async ({ fixture }) => {
    const spec = fixture.shell(FOREVER, { workingDir: '/nonexistent/dir' })
    await fixture.start(spec)
    const { lastExit } = await fixture.exited(spec)
    assert.is(lastExit?.reason, 'exec')
    assert.match(lastExit?.message ?? '', '/nonexistent/dir')
  }),
)

test(
  'a program that cannot be spawned at all fails alone: others are started after it',
  withRuntime(async ({ fixture, stateDir }) => {
    const workingDir = join(stateDir, 'loop')
    symlinkSync(workingDir, workingDir)
    const spec = fixture.shell(FOREVER, { workingDir })
    await fixture.start(spec)
    const { lastExit } = await fixture.exited(spec)
    assert.is(lastExit?.reason, 'exec')
    assert.match(lastExit?.message ?? '', /ELOOP/)
    const other = fixture.shell(FOREVER)
    await fixture.start(other)
    await fixture.running(other)
  }),
)

test(
  'removing everything says what has not ended where it may wait no longer',
  withRuntime(async ({ fixture }) => {
    const spec = fixture.shell(`trap '' TERM; echo up; ${FOREVER}`, {
      stop: { signal: 'SIGTERM', graceMs: 60_000 },
    })
    await fixture.start(spec)
    await fixture.printed(spec.id, 'up')
    const error = await rejection(
      fixture.runtime.removeAll({ purge: false, signal: AbortSignal.timeout(200) }),
    )
    assert.ok(isNsctlError(error, 'Timeout'), String(error))
    assert.match(error.message, '1 program has not ended yet')
    await fixture.runtime.stop(spec.id, { signal: 'SIGKILL', graceMs: 0 })
    await fixture.gone(spec)
  }),
)

for (const [name, reopen] of [
  ['a shim that is killed', false],
  ['an adopted shim that is killed', true],
] as const)
  test(
    `${name} leaves its program running, and never two`,
    withRuntime(async ({ fixture, stateDir }) => {
      const spec = fixture.shell(FOREVER)
      await fixture.start(spec)
      const { pid } = await fixture.running(spec)
      if (reopen) await fixture.reopen()
      const claim = parseClaim(
        readFileSync(join(layoutOf(stateDir).run, `${fileNameOf(spec.id)}.1.claim`), 'utf8'),
      )
      assert.ok(claim !== undefined && claim !== 'cancelled')
      process.kill(claim.shimPid, 'SIGKILL')
      await eventually('the shim is gone', () => !existsSync(`/proc/${claim.shimPid}/stat`))
      await new Promise((resolve) => setTimeout(resolve, 1_300))
      assert.equal(pidsOf(spec), [pid])
      assert.is(fixture.see(spec.id)?.state, 'running')
      process.kill(pid, 'SIGKILL')
      const next = await fixture.running(spec, pid)
      assert.is(next.lastExit?.reason, 'lost')
      assert.equal(pidsOf(spec), [next.pid])
    }),
  )

test(
  'a damaged record is set aside, and what ran of it is ended',
  withRuntime(async ({ fixture, stateDir, logged }) => {
    const [broken, sound] = [fixture.shell(FOREVER), fixture.shell(FOREVER)]
    await Promise.all([fixture.start(broken), fixture.start(sound)])
    const { pid } = await fixture.running(sound)
    await fixture.running(broken)
    await fixture.runtime.close()
    const path = recordPath(layoutOf(stateDir), fileNameOf(broken.id))
    writeFileSync(path, '{"spec":')
    fixture.runtime = await fixture.harness.open()
    assert.is(fixture.see(broken.id), undefined)
    await eventually('the unknown program is ended', () => pidsOf(broken).length === 0)
    assert.is(fixture.see(sound.id)?.pid, pid)
    assert.ok(existsSync(`${path}.damaged`))
    assert.ok(logged.some((line) => line.startsWith('error the record of a program is damaged')))
    await fixture.start(broken)
    const again = await fixture.running(broken)
    assert.equal(pidsOf(broken), [again.pid])
  }),
)

test(
  'a stop that its owner did not live to finish is finished by the next',
  withRuntime(async ({ fixture }) => {
    const spec = fixture.shell(`trap '' TERM; echo ready; ${FOREVER}`)
    await fixture.start(spec)
    await fixture.printed(spec.id, 'ready')
    await fixture.stop(spec, 800)
    await fixture.runtime.close()
    assert.is(pidsOf(spec).length, 1)
    fixture.runtime = await fixture.harness.open()
    assert.is(fixture.see(spec.id)?.state, 'stopping')
    const { lastExit } = await fixture.exited(spec)
    assert.is(lastExit?.reason, 'timeout')
    assert.equal(pidsOf(spec), [])
  }),
)

test(
  'what was found under another boot is lost, and started again',
  withRuntime(async ({ fixture, stateDir }) => {
    const spec = fixture.shell(FOREVER)
    await fixture.start(spec)
    const { pid } = await fixture.running(spec)
    await fixture.runtime.close()
    const run = join(layoutOf(stateDir).run, `${fileNameOf(spec.id)}.1`)
    const [shimPid = ''] = readFileSync(`${run}.claim`, 'utf8').split(' ')
    // as a reboot leaves it: nothing runs, no exit was written, and the numbers are those of other processes now
    process.kill(Number(shimPid), 'SIGKILL')
    process.kill(pid, 'SIGKILL')
    await eventually('it has ended', () => pidsOf(spec).length === 0)
    writeFileSync(`${run}.claim`, `${process.pid} 1 ${process.pid} 1 another-boot\n`)
    fixture.runtime = await fixture.harness.open()
    const next = await fixture.running(spec)
    assert.is(next.lastExit?.reason, 'lost')
    assert.match(next.lastExit?.message ?? '', 'restarted')
  }),
)

test(
  'files of attempts do not pile up',
  withRuntime(async ({ fixture, stateDir }) => {
    const spec = fixture.shell('exit 0')
    for (let i = 0; i < 5; i++) {
      await fixture.start(spec)
      await fixture.exited(spec)
    }
    const { run, logs } = layoutOf(stateDir)
    assert.ok(
      readdirSync(run).every((file) => file.includes('.5.')),
      readdirSync(run).join(),
    )
    await fixture.runtime.forget(spec.id)
    assert.equal(readdirSync(run), [])
    assert.ok(readdirSync(join(logs, fileNameOf(spec.id))).length > 0, 'logs stay')
  }),
)

test(
  'the output of forgotten programs goes after a week',
  withRuntime(async ({ stateDir }) => {
    const layout = layoutOf(stateDir)
    const nowMs = Date.now()
    for (const [name, ageMs] of [
      ['known_old', 2 * FORGOTTEN_KEPT_MS],
      ['forgotten_old', 2 * FORGOTTEN_KEPT_MS],
      ['forgotten_young', FORGOTTEN_KEPT_MS / 2],
    ] as const) {
      const dir = join(layout.logs, name)
      mkdirSync(dir)
      writeFileSync(join(dir, '1.out'), 'x')
      const at = (nowMs - ageMs) / 1000
      for (const path of [join(dir, '1.out'), dir]) utimesSync(path, at, at)
    }
    pruneForgotten(layout, (name) => name === 'known_old', nowMs)
    assert.equal(readdirSync(layout.logs).sort(), ['forgotten_young', 'known_old'])
  }),
)

test.run()
