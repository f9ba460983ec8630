/** What a runtime does by itself when a program ends. */
import * as assert from 'uvu/assert'
import { type ContractTest, eventually, pidsOf } from './fixture.ts'

export function crashTests(test: ContractTest): void {
  test('a program killed with -9 is started again at once', async ({ fixture }) => {
    const spec = fixture.shell('while :; do sleep 1; done')
    await fixture.start(spec)
    const first = await fixture.running(spec)
    process.kill(first.pid, 'SIGKILL')
    const second = await fixture.running(spec, first.pid)
    assert.is(second.restarts, 1)
    assert.is(second.lastExit?.reason, 'signal')
    assert.is(second.lastExit?.signal, 'SIGKILL')
    assert.ok(Math.abs(Date.now() - (second.lastExit?.atMs ?? 0)) < 60_000)
    assert.equal(pidsOf(spec), [second.pid])
    await fixture.stop(spec)
  })

  test('a crash loop ends after a burst, stays known, and can be started again', async ({ fixture }) => {
    const spec = fixture.shell('exit 7')
    await fixture.start(spec)
    const seen = await fixture.exited(spec)
    assert.is(seen.lastExit?.reason, 'exit-code')
    assert.is(seen.lastExit?.exitCode, 7)
    assert.ok(seen.restarts >= 1 && seen.restarts <= 3, `${seen.restarts} restarts`)
    let started = 0
    const unsubscribe = fixture.runtime.onChange(() => {
      started++
    })
    await fixture.start(spec)
    await eventually('the start is seen', () => started > 0)
    unsubscribe()
    const again = await fixture.exited(spec)
    assert.is(again.lastExit?.exitCode, 7)
    assert.ok(again.restarts >= seen.restarts, 'restarts only grow')
    assert.ok((again.lastExit?.atMs ?? 0) >= (seen.lastExit?.atMs ?? 0))
  })

  test('a program that ends with 0 is not started again', async ({ fixture }) => {
    const spec = fixture.shell('exit 0')
    await fixture.start(spec)
    const seen = await fixture.exited(spec)
    assert.is(seen.lastExit?.reason, 'success')
    assert.is(seen.lastExit?.exitCode ?? 0, 0)
    assert.is(seen.restarts, 0)
  })

  test('a program that is to run once is not started again, whatever its end', async ({ fixture }) => {
    const spec = fixture.shell('exit 7', { restart: 'never' })
    await fixture.start(spec)
    const seen = await fixture.exited(spec)
    assert.is(seen.lastExit?.exitCode, 7)
    assert.is(seen.restarts, 0)
    const other = fixture.shell('while :; do sleep 1; done', { restart: 'never' })
    await fixture.start(other)
    const running = await fixture.running(other)
    process.kill(running.pid, 'SIGKILL')
    const killed = await fixture.exited(other)
    assert.is(killed.lastExit?.signal, 'SIGKILL')
    assert.is(killed.restarts, 0)
  })

  test('an exit status beyond 128 is no signal', async ({ fixture }) => {
    const spec = fixture.shell('exit 137')
    await fixture.start(spec)
    const seen = await fixture.exited(spec)
    assert.is(seen.lastExit?.reason, 'exit-code')
    assert.is(seen.lastExit?.exitCode, 137)
    assert.is(seen.lastExit?.signal, undefined)
  })

  test('a program that cannot be executed is reported as such', async ({ fixture }) => {
    const spec = fixture.shell('', { command: ['/nonexistent/program', 'x'] })
    await fixture.start(spec)
    const seen = await fixture.exited(spec)
    assert.is(seen.lastExit?.reason, 'exec')
  })

  test('what a crashed program leaves behind is ended before the next one runs', async ({ fixture }) => {
    const spec = fixture.shell('sh -c "while :; do sleep 0.05; done" left-by-$0 & echo ready; wait', {
      stop: { signal: 'SIGTERM', graceMs: 1_000 },
    })
    await fixture.start(spec)
    const first = await fixture.running(spec)
    await fixture.printed(spec.id, 'ready')
    process.kill(first.pid, 'SIGKILL')
    await fixture.running(spec, first.pid)
    const children = {
      command: ['sh', '-c', 'while :; do sleep 0.05; done', `left-by-${spec.command[3]}`],
    } as const
    await eventually('one child runs, the new one', () => pidsOf(children).length === 1)
    await fixture.stop(spec)
    await fixture.gone(spec)
    assert.equal(pidsOf(children), [])
  })
}
