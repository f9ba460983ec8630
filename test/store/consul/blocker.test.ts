/** How often Consul is asked what is new. */
import { setImmediate as turn } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { Blocker } from '../../../src/store/consul/blocker.ts'
import type { KvClient } from '../../../src/store/consul/client.ts'

/** A Consul that has news each time that it is asked, `everyMs` later. */
function scene({
  everyMs,
  gathers,
  gatherMs = 40,
}: {
  readonly everyMs: number
  readonly gathers: boolean
  readonly gatherMs?: number
}) {
  const clock = new ManualClock()
  const askedMs: number[] = []
  const block: KvClient['block'] = async () => {
    askedMs.push(clock.monotonic())
    const index = askedMs.length
    if (everyMs > 0) await new Promise<void>((resolve) => clock.schedule(everyMs, resolve))
    return { entries: [], index }
  }
  const client = { block } as unknown as KvClient
  const blocker = new Blocker({
    client,
    clock,
    key: 'head/',
    recurse: true,
    giveUpMs: 1_000,
    ...(gathers && { gatherMs }),
  })
  return { clock, askedMs, blocker }
}

async function pass(clock: ManualClock, ms: number): Promise<void> {
  for (let at = 0; at < ms; at++) {
    clock.advance(1)
    await turn()
  }
}

test('a stream of news is asked for less and less often, and each time all of it is new', async () => {
  const { clock, askedMs, blocker } = scene({ everyMs: 1, gathers: true })
  const startMs = clock.monotonic()
  blocker.enter()
  await pass(clock, 400)
  blocker.leave()
  const gaps = askedMs.slice(1).map((ms, i) => ms - askedMs[i]!)
  assert.is(askedMs[0], startMs, 'the first at once')
  assert.equal(gaps.slice(0, 5), [6, 11, 21, 41, 41])
  assert.is(blocker.bell.rings, askedMs.length)
})

test('news that come now and then are heard at once', async () => {
  const { clock, askedMs, blocker } = scene({ everyMs: 250, gathers: true })
  blocker.enter()
  await pass(clock, 1_100)
  blocker.leave()
  assert.is(askedMs.length, 5)
})

test('who is patient takes for a stream what comes more often than it has patience for', async () => {
  const { clock, askedMs, blocker } = scene({ everyMs: 300, gathers: true, gatherMs: 1_000 })
  blocker.enter()
  await pass(clock, 12_000)
  blocker.leave()
  const gaps = askedMs.slice(1).map((ms, i) => ms - askedMs[i]!)
  assert.equal(gaps.slice(-3), [1_300, 1_300, 1_300])
})

test('who is woken by nothing but its own asks without a break', async () => {
  const { clock, askedMs, blocker } = scene({ everyMs: 1, gathers: false })
  blocker.enter()
  await pass(clock, 50)
  blocker.leave()
  assert.ok(askedMs.length >= 50, `${askedMs.length}`)
})

test.run()
