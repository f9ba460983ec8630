import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceBatch } from '../../src/api/api.ts'
import type { Client, DaemonState } from '../../src/client/client.ts'
import { ManualClock } from '../../src/core/clock.ts'
import type { Kind } from '../../src/resources/kinds.ts'
import { runWatchFeed, type WatchSnapshot } from '../../src/views/watch-feed.ts'
import { kinds, mail, web } from './fixtures.ts'

/** Lets everything run that is ready to. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

test('the feed lives through an outage: it says so, keeps what it had, and lists again', async () => {
  const clock = new ManualClock()
  const stop = new AbortController()
  const snapshots: WatchSnapshot[] = []
  let isAway = false
  let services = [web]
  let daemon: DaemonState = { running: true, pid: 1 }
  let breakWatch = (_error: Error) => {}
  const client = {
    storeUrl: 'memory:',
    kinds,
    daemon: async () => daemon,
    async listAll(wanted: readonly Kind[]) {
      if (isAway) throw new Error('no store')
      return { revision: 1, lists: wanted.map((kind) => (kind.kind === 'Service' ? services : [])) }
    },
    async *watch(_kinds: unknown, _from: number, signal: AbortSignal): AsyncGenerator<ResourceBatch> {
      yield {
        kind: 'changes',
        revision: 2,
        changes: [
          { kind: 'put', object: web, ref: { kind: 'Service', namespace: 'shop', name: 'web' }, revision: 2 },
        ],
      }
      await new Promise<void>((resolve, reject) => {
        breakWatch = reject
        signal.addEventListener('abort', () => resolve())
      })
    },
  } as unknown as Client
  const done = runWatchFeed({ client, clock, signal: stop.signal, onSnapshot: (one) => snapshots.push(one) })
  const last = () => snapshots.at(-1) as WatchSnapshot
  await settle()
  assert.ok(last().isLoaded)
  assert.equal(last().services, [web])
  assert.equal(last().daemon, daemon)

  isAway = true
  breakWatch(new Error('database is gone'))
  await settle()
  assert.equal(last().outage, { sinceMs: clock.now(), message: 'database is gone' })
  assert.equal(last().services, [web], 'what was there is still shown')
  const { sinceMs } = last().outage as { sinceMs: number }

  clock.advance(1_500)
  await settle()
  assert.is(last().outage?.sinceMs, sinceMs, 'the same outage')

  isAway = false
  services = [mail]
  daemon = { running: false }
  clock.advance(1_500)
  await settle()
  assert.is(last().outage, undefined)
  assert.ok(last().services.some((service) => service.metadata.name === 'mail'))
  assert.equal(last().daemon, { running: false })

  stop.abort()
  clock.advance(5_000)
  await done
  const count = snapshots.length
  clock.advance(5_000)
  await settle()
  assert.is(snapshots.length, count, 'nothing after the end')
})

test.run()
