/** Run inside a node twice, with a reboot between: `before` starts programs, in containers or not, `after` brings them back. */
import { existsSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../../src/core/clock.ts'
import { silentLogger } from '../../../../src/core/logger.ts'
import { type ProgramSpec, programKey } from '../../../../src/runtimes/runtime.ts'
import { openSystemdRuntime } from '../../../../src/runtimes/systemd/runtime.ts'
import { eventually } from '../../contract/fixture.ts'

const id = { namespace: 'default', service: 'web', templateHash: 'h3kq9x2mzc', program: '' }
const specs: readonly ProgramSpec[] = [0, 1, 2, 3].map((ordinal) => ({
  id: { ...id, ordinal },
  command: ['/bin/sh', '-c', 'echo port $PORT; while :; do sleep 1; done'],
  workingDir: '/',
  env: { PATH: '/usr/bin:/bin', PORT: String(22_000 + ordinal) },
  storage: [{ name: 'data', path: '/srv/data' }],
  limits: {},
  stop: { signal: 'SIGTERM', graceMs: 1_000 },
  network: 'host',
  relax: [],
  ...(process.env.NSCTL_LAB_CONTAINER === '1' ? { container: {} } : {}),
}))
const state = (ordinal: number) => runtime.observe().get(programKey({ ...id, ordinal }))?.state
const phase = process.env.NSCTL_LAB_PHASE ?? ''
const runtime = await openSystemdRuntime({
  scope: 'system',
  stateDir: '/var/lib/nsctl',
  clock: systemClock,
  logger: silentLogger,
  signal: new AbortController().signal,
})

const test = suite(`restore, ${phase} the reboot`)
if (phase === 'before')
  test('what runs is in the desired set, what was stopped is not', async () => {
    assert.equal(await runtime.restore(), [])
    await Promise.all(specs.map((spec) => runtime.start(spec, AbortSignal.timeout(10_000))))
    await eventually('all run', () => specs.every((_, ordinal) => state(ordinal) === 'running'))
    await runtime.stop(specs[2]!.id, specs[2]!.stop)
    await eventually('one is stopped', () => state(2) === 'exited')
  })
else {
  test('brings back what ran, with its ports, except what must ask first', async () => {
    assert.not.ok(
      existsSync('/run/systemd/system/nsctl-default_web_h3kq9x2mzc@.service'),
      'a reboot leaves no units',
    )
    assert.is(runtime.observe().size, 0)
    const restored = await runtime.restore(({ ordinal }) => ordinal !== 3)
    assert.equal(
      restored.map(({ ordinal }) => ordinal),
      [0, 1],
    )
    await eventually('they run', () => state(0) === 'running' && state(1) === 'running')
    assert.is(state(2), undefined)
    assert.is(state(3), undefined)
  })
  test('does so once', async () => {
    assert.equal(await runtime.restore(), [])
  })
  test('start of what was brought back changes nothing', async () => {
    const { pid } = runtime.observe().get(programKey(specs[0]!.id))!
    await runtime.start(specs[0]!, AbortSignal.timeout(10_000))
    assert.is(runtime.observe().get(programKey(specs[0]!.id))?.pid, pid)
  })
}
test.after(() => runtime.close())
test.run()
