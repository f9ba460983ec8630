/** Starting and stopping. */
import * as assert from 'uvu/assert'
import { programKey } from '../../../src/runtimes/runtime.ts'
import { type ContractTest, eventually, pidsOf, pidsWith, tokenOf } from './fixture.ts'

export function lifeTests(test: ContractTest): void {
  startTests(test)
  stopTests(test)
}

function startTests(test: ContractTest): void {
  test('start runs the program with its arguments, directory and environment', async ({ fixture }) => {
    const spec = fixture.shell('echo "$0 $(pwd) $A"; exec sleep 600', {
      workingDir: '/usr',
      env: { PATH: '/usr/bin:/bin', A: `one 'two' "three" $A %n \\ ü` },
    })
    await fixture.start(spec)
    await fixture.printed(spec.id, `${tokenOf(spec)} /usr one 'two' "three" $A %n \\ ü`)
    // it may print before its manager is heard to say that it runs
    const seen = await eventually('it is seen to run', () => {
      const one = fixture.see(spec.id)
      return one?.state === 'running' && one
    })
    assert.is(seen.restarts, 0)
    assert.ok(Math.abs(Date.now() - (seen.startedAtMs ?? 0)) < 60_000)
    await fixture.stop(spec)
  })

  test('start of what runs with the same spec changes nothing', async ({ fixture }) => {
    const spec = fixture.shell('while :; do sleep 1; done')
    await Promise.all([fixture.start(spec), fixture.start(structuredClone(spec))])
    const before = await fixture.running(spec)
    await fixture.start(structuredClone(spec))
    const after = fixture.see(spec.id)
    assert.is(after?.pid, before.pid)
    assert.is(after?.restarts, 0)
    assert.equal(pidsOf(spec), [before.pid])
    await fixture.stop(spec)
  })

  test('start resolves when the program is accepted, not when it is done', async ({ fixture }) => {
    const spec = fixture.shell('sleep 3; echo late; while :; do sleep 1; done')
    await fixture.start(spec)
    assert.ok(['starting', 'running'].includes(fixture.see(spec.id)?.state ?? ''), 'it is known at once')
    assert.equal(
      (await fixture.lines(spec.id)).map((line) => line.text),
      [],
    )
    await fixture.stop(spec)
  })

  test('many can be started and stopped at once', async ({ fixture }) => {
    const spec = fixture.shell('while :; do sleep 1; done')
    const specs = Array.from({ length: 20 }, (_, ordinal) => ({ ...spec, id: { ...spec.id, ordinal } }))
    await Promise.all(specs.map((spec) => fixture.start(spec)))
    const pids = await Promise.all(specs.map(async (spec) => (await fixture.running(spec)).pid))
    assert.is(new Set(pids).size, specs.length)
    await Promise.all(specs.map((spec) => fixture.stop(spec)))
    await Promise.all(specs.map((spec) => fixture.gone(spec)))
    assert.equal(specs.flatMap(pidsOf), [])
  })

  test('a change is announced with its key until one unsubscribes', async ({ fixture }) => {
    const spec = fixture.shell('while :; do sleep 1; done')
    const states: (string | undefined)[] = []
    const unsubscribe = fixture.runtime.onChange((key) => {
      if (key === programKey(spec.id)) states.push(fixture.see(spec.id)?.state)
    })
    await fixture.start(spec)
    await eventually('running is announced', () => states.includes('running'))
    unsubscribe()
    const heard = states.length
    await fixture.stop(spec)
    await fixture.gone(spec)
    assert.is(states.length, heard)
  })
}

function stopTests(test: ContractTest): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGUSR1'] as const) {
    test(`stop sends ${signal} and lets the program finish`, async ({ fixture }) => {
      const trap = signal.slice(3)
      const spec = fixture.shell(
        `trap 'echo bye; exit 0' ${trap}; echo ready; while :; do sleep 0.05; done`,
        { stop: { signal, graceMs: 10_000 } },
      )
      await fixture.start(spec)
      await fixture.printed(spec.id, 'ready')
      await fixture.stop(spec)
      await fixture.gone(spec)
      assert.equal(pidsOf(spec), [])
      await fixture.printed(spec.id, 'bye')
    })
  }

  test('stop resolves when it is accepted, and kills what is left after the grace period', async ({
    fixture,
  }) => {
    const spec = fixture.shell(`trap '' TERM; echo ready; while :; do sleep 0.05; done`)
    await fixture.start(spec)
    await fixture.printed(spec.id, 'ready')
    const asked = performance.now()
    await fixture.stop(spec, 1_500)
    assert.ok(performance.now() - asked < 1_400, 'stop does not wait for the end')
    await eventually('stopping is seen', () => fixture.see(spec.id)?.state === 'stopping', 1_400)
    await fixture.gone(spec)
    const tookMs = performance.now() - asked
    assert.ok(tookMs >= 1_400, `the grace period was kept (${tookMs} ms)`)
    assert.equal(pidsOf(spec), [])
  })

  test('stop leaves nothing of the program, children that ignore the signal included', async ({
    fixture,
  }) => {
    const word = `child-${process.pid}-${performance.now()}`
    const spec = fixture.shell(
      `sh -c "trap '' TERM; while :; do sleep 0.05; done" ${word} & trap 'exit 0' TERM; echo ready; while :; do sleep 0.05; done`,
    )
    await fixture.start(spec)
    await fixture.printed(spec.id, 'ready')
    await eventually('its child runs', () => pidsWith(word).length > 0)
    await fixture.stop(spec, 300)
    await fixture.gone(spec)
    assert.equal(pidsWith(word), [])
  })

  test('stopping what is not there changes nothing', async ({ fixture }) => {
    const spec = fixture.shell('sleep 600')
    let heard = 0
    const unsubscribe = fixture.runtime.onChange((key) => {
      if (key === programKey(spec.id)) heard++
    })
    await fixture.stop(spec)
    assert.is(fixture.see(spec.id), undefined)
    assert.is(heard, 0)
    unsubscribe()
  })

  test('what was stopped can be started again', async ({ fixture }) => {
    const spec = fixture.shell('while :; do sleep 1; done')
    await fixture.start(spec)
    const first = await fixture.running(spec)
    await fixture.stop(spec)
    await fixture.gone(spec)
    await fixture.start(spec)
    const second = await fixture.running(spec, first.pid)
    assert.equal(pidsOf(spec), [second.pid])
    await fixture.stop(spec)
  })

  test('a start during a stop waits for its end: never two', async ({ fixture }) => {
    const spec = fixture.shell(`trap 'sleep 0.5; exit 0' TERM; echo ready; while :; do sleep 0.02; done`)
    await fixture.start(spec)
    const first = await fixture.running(spec)
    await fixture.printed(spec.id, 'ready')
    await fixture.stop(spec)
    await fixture.start(spec)
    const counts = new Set<number>()
    await eventually('the second one runs', () => {
      const pids = pidsOf(spec)
      counts.add(pids.length)
      return pids.some((pid) => pid !== first.pid) && fixture.see(spec.id)?.state === 'running'
    })
    assert.not.ok(counts.has(2), 'two ran at once')
    await fixture.stop(spec)
    await fixture.gone(spec)
  })
}
