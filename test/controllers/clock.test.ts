/** A wall clock that jumps moves nothing: durations are monotonic. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { assertReady, conditionsOf, jumpingClock, specOf, startWorld } from './world.ts'

const HOURS = 3_600_000

for (const [name, byMs] of [
  ['forward', 5 * HOURS],
  ['back', -5 * HOURS],
] as const) {
  test(`a wall clock that jumps ${name} abandons no rollout, restarts nothing and loses no event`, async () => {
    const clock = jumpingClock()
    const world = await startWorld(clock)
    const complete = async (ready: string) =>
      await world.until(async () => {
        const service = await world.service()
        assertReady(service, ready)
        assert.is(conditionsOf(service).Progressing, 'False Complete')
      })
    await world.apply(specOf({ replicas: 2 }))
    await complete('2/2')
    const before = (await world.instances()).map((one) => one.metadata.uid).sort()
    const events = (await world.events()).length
    clock.jump(byMs)
    // wakes everything that could draw a conclusion from the new time
    await world.restart()
    await world.api.expire()
    await world.apply(specOf({ replicas: 3 }))
    await complete('3/3')
    const after = (await world.instances()).map((one) => one.metadata.uid)
    assert.ok(before.every((uid) => after.includes(uid)))
    assert.ok((await world.instances()).every((one) => one.status?.restarts === 0))
    assert.ok((await world.events()).length >= events)

    world.runtime.onStart = () => 'hang'
    await world.apply(specOf({ replicas: 3 }, { env: [{ name: 'A', value: 'b' }] }))
    await world.until(async () => assert.is((await world.instances()).length, 4))
    clock.jump(byMs)
    await world.api.scale({ kind: 'Service', namespace: 'default', name: 'web' }, 4, {
      actor: { name: 'test' },
    })
    await world.until(async () => assert.is((await world.service())?.status?.ready, '3/4'))
    assert.is(conditionsOf(await world.service()).Degraded, 'False AsExpected', 'the deadline has not passed')
    await world.stop()
  })
}

test.run()
