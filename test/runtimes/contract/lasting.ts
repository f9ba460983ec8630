/** What outlives a program and this process: storage, what runs while nobody looks, and how it is all removed. */
import * as assert from 'uvu/assert'
import { type ContractTest, eventually, pidsOf } from './fixture.ts'

const FOREVER = 'while :; do sleep 1; done'

export function lastingTests(test: ContractTest): void {
  storageTests(test)
  reopenTests(test)

  test('forget drops an exited program and nothing else', async ({ fixture }) => {
    const spec = fixture.shell('exit 0')
    await fixture.start(spec)
    await fixture.exited(spec)
    await fixture.runtime.forget(spec.id)
    await eventually('it is forgotten', () => fixture.see(spec.id) === undefined)
    await fixture.runtime.forget(spec.id)
    await fixture.start(spec)
    const again = await fixture.exited(spec)
    assert.is(again.lastExit?.reason, 'success')
    await fixture.runtime.forget(spec.id)
  })

  test('removeAll ends everything, and says that storage stays unless it is purged', async ({ fixture }) => {
    const storage = [{ name: 'kept', path: '/var/lib/kept' }]
    const spec = fixture.shell(`echo x >"$STORAGE_KEPT/x" && echo written; ${FOREVER}`, { storage })
    const other = fixture.shell(FOREVER)
    await Promise.all([fixture.start(spec), fixture.start(other)])
    await fixture.printed(spec.id, 'written')
    const volume = { namespace: 'default', service: spec.id.service, volume: 'kept', ordinal: 0 }
    const signal = AbortSignal.timeout(30_000)
    const left = await fixture.runtime.removeAll({ purge: false, signal })
    assert.is(fixture.runtime.observe().size, 0)
    assert.equal([...pidsOf(spec), ...pidsOf(other)], [])
    assert.ok(
      left.some((line) => line.includes(spec.id.service)),
      `says that it leaves the storage: ${left.join('; ')}`,
    )
    assert.ok((await fixture.runtime.listStorage()).some((one) => one.service === volume.service))
    await fixture.runtime.removeAll({ purge: true, signal })
    assert.equal(await fixture.runtime.listStorage(), [])
  })
}

function storageTests(test: ContractTest): void {
  test('storage outlives its program and its template, until it is purged', async ({ fixture }) => {
    const storage = [{ name: 'my-data', path: '/var/lib/my-data' }]
    const script = `cat "$STORAGE_MY_DATA/x"; echo "from $0" >"$STORAGE_MY_DATA/x" && echo written; ${FOREVER}`
    const first = fixture.shell(script, { storage })
    await fixture.start(first)
    await fixture.printed(first.id, 'written')
    await fixture.stop(first)
    await fixture.gone(first)
    const second = { ...first, id: { ...first.id, templateHash: 'b2b2b2b2b2' } }
    await fixture.start(second)
    await fixture.printed(second.id, `from ${first.command[3]}`)
    await fixture.stop(second)
    await fixture.gone(second)

    const volume = { namespace: 'default', service: first.id.service, volume: 'my-data', ordinal: 0 }
    assert.equal(
      (await fixture.runtime.listStorage()).filter((one) => one.service === first.id.service),
      [volume],
    )
    await fixture.runtime.purgeStorage(volume)
    await fixture.runtime.purgeStorage(volume)
    assert.equal(
      (await fixture.runtime.listStorage()).filter((one) => one.service === first.id.service),
      [],
    )
  })

  test('each ordinal has storage of its own', async ({ fixture }) => {
    const storage = [{ name: 'data', path: '/var/lib/data' }]
    const zero = fixture.shell(`echo 0 >"$STORAGE_DATA/x" && echo written; ${FOREVER}`, { storage })
    await fixture.start(zero)
    await fixture.printed(zero.id, 'written')
    const one = fixture.shell(`ls "$STORAGE_DATA" | wc -l; ${FOREVER}`, { storage })
    const neighbour = { ...one, id: { ...zero.id, templateHash: 'c3c3c3c3c3', ordinal: 1 } }
    await fixture.start(neighbour)
    await fixture.printed(neighbour.id, /^\s*0$/)
    await Promise.all([fixture.stop(zero), fixture.stop(neighbour)])
  })
}

function reopenTests(test: ContractTest): void {
  test('what runs outlives this process, is found again and is never doubled', async ({ fixture }) => {
    const spec = fixture.shell(FOREVER)
    await fixture.start(spec)
    const before = await fixture.running(spec)
    await fixture.runtime.close()
    assert.equal(pidsOf(spec), [before.pid])
    fixture.runtime = await fixture.harness.open()
    assert.is(fixture.see(spec.id)?.pid, before.pid, 'it is known as soon as the runtime is open')
    assert.is(fixture.see(spec.id)?.state, 'running')
    await fixture.start(spec)
    assert.is((await fixture.running(spec)).pid, before.pid)
    assert.equal(pidsOf(spec), [before.pid])
    await fixture.stop(spec)
    await fixture.gone(spec)
    assert.equal(pidsOf(spec), [])
  })

  test('what was found again is restarted after a crash', async ({ fixture }) => {
    const spec = fixture.shell(FOREVER)
    await fixture.start(spec)
    const before = await fixture.running(spec)
    await fixture.reopen()
    process.kill(before.pid, 'SIGKILL')
    const after = await fixture.running(spec, before.pid)
    assert.is(after.lastExit?.signal, 'SIGKILL')
    assert.ok(after.restarts >= 1)
    await fixture.stop(spec)
  })

  test('what ends while nobody looks is known afterwards, with its exit code', async ({ fixture }) => {
    const spec = fixture.shell('echo ready; sleep 1; exit 0')
    await fixture.start(spec)
    await fixture.printed(spec.id, 'ready')
    await fixture.runtime.close()
    await eventually('it has ended', () => pidsOf(spec).length === 0)
    fixture.runtime = await fixture.harness.open()
    // a manager of its own may have collected what ended well while nobody asked
    await fixture.gone(spec)
    const seen = fixture.see(spec.id)
    assert.is(seen?.lastExit?.reason ?? 'success', 'success')
    assert.is(seen?.restarts ?? 0, 0)
    await fixture.runtime.forget(spec.id)
  })

  test('what crashes while nobody looks runs again afterwards', async ({ fixture }) => {
    const spec = fixture.shell(FOREVER)
    await fixture.start(spec)
    const before = await fixture.running(spec)
    await fixture.runtime.close()
    process.kill(before.pid, 'SIGKILL')
    await eventually('it has ended', () => !pidsOf(spec).includes(before.pid))
    fixture.runtime = await fixture.harness.open()
    const after = await fixture.running(spec, before.pid)
    assert.equal(pidsOf(spec), [after.pid])
    assert.is(after.lastExit?.signal, 'SIGKILL')
    assert.ok(after.restarts >= 1)
    await fixture.stop(spec)
  })
}
