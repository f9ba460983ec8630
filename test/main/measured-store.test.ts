import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/core/clock.ts'
import { NsctlError } from '../../src/core/errors.ts'
import { measuredStore, StoreTally } from '../../src/main/measured-store.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'
import { Scrapes } from '../../src/telemetry/scrapes.ts'
import { RecordingLogger } from '../engine/harness.ts'
import { textOf } from '../telemetry/text-of.ts'

async function countsOf(tally: StoreTally): Promise<readonly string[]> {
  const text = await textOf(new Scrapes([tally], new RecordingLogger()))
  return text
    .split('\n')
    .filter((line) => /^nsctl_store_(requests_total|request_duration_seconds_count)/.test(line))
}

test('answers as the store does, and counts', async () => {
  const tally = new StoreTally()
  const bare = createMemoryStore()
  const store = measuredStore(bare, tally, systemClock)
  assert.is(store.url, bare.url)
  assert.is(store.maxOperations, bare.maxOperations)
  const [result] = await store.commit([[{ kind: 'put', key: 'a/b', value: 'x' }]])
  assert.is(result?.kind, 'committed')
  assert.is((await store.get('a/b'))?.value, 'x')
  assert.is((await store.getMany(['a/b', 'a/c'])).length, 1)
  assert.equal(await store.listKeys('a/'), ['a/b'])
  assert.is((await store.list(['a/'])).entries.length, 1)
  assert.is((await store.stats()).keys, (await bare.stats()).keys)
  const stop = new AbortController()
  for await (const batch of store.watch(['a/'], 0, stop.signal)) {
    assert.ok(batch.revision > 0)
    break
  }
  assert.equal(await countsOf(tally), [
    ...['commit', 'get', 'getMany', 'listKeys', 'list', 'stats'].map(
      (operation) => `nsctl_store_request_duration_seconds_count{operation="${operation}"} 1`,
    ),
    ...['commit', 'get', 'getMany', 'listKeys', 'list', 'stats'].map(
      (operation) => `nsctl_store_requests_total{operation="${operation}",code="OK"} 1`,
    ),
  ])
  await store.close()
})

test('a failure is passed on and counted by its code, and what the store does before it returns is timed', async () => {
  const tally = new StoreTally()
  let fault: unknown = new NsctlError('Unreachable', 'gone')
  let monotonicMs = 0
  const failing = {
    url: 'memory:',
    get: () => {
      monotonicMs += 2_000
      return Promise.reject(fault)
    },
  } as unknown as Store
  const clock = { ...systemClock, monotonic: () => monotonicMs }
  const store = measuredStore(failing, tally, clock)
  assert.is(await store.get('a').catch((error) => error), fault)
  fault = new Error('odd')
  assert.is(await store.get('a').catch((error) => error), fault)
  assert.equal(await countsOf(tally), [
    'nsctl_store_request_duration_seconds_count{operation="get"} 2',
    'nsctl_store_requests_total{operation="get",code="Unreachable"} 1',
    'nsctl_store_requests_total{operation="get",code="Unknown"} 1',
  ])
  const text = await textOf(new Scrapes([tally], new RecordingLogger()))
  assert.match(text, /^nsctl_store_request_duration_seconds_sum\{operation="get"\} 4$/m)
})

test.run()
