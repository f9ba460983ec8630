import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Heartbeat, NODE_LEASE_MS } from '../../src/agent/heartbeat.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { isNsctlError, NsctlError } from '../../src/core/errors.ts'
import type { Manager } from '../../src/engine/manager.ts'
import { type LeaseHolder, readLease, thisProcess } from '../../src/store/lease.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'
import { RecordingLogger, turn } from '../engine/harness.ts'

/** Of a machine that nothing is known of. */
const elsewhere = (over: Partial<LeaseHolder> = {}): LeaseHolder => ({
  ...thisProcess(),
  host: 'beta',
  bootId: 'another pid:[1]',
  ...over,
})

function heartOf(store: Store, clock: ManualClock, holder: LeaseHolder) {
  const logger = new RecordingLogger()
  return { heart: new Heartbeat({ node: 'alpha', store, holder, clock, logger }), logger }
}

/** A manager that runs until it is told to stop, and says whether it does. */
function fakeManager() {
  const state = { runs: false }
  const manager = {
    caughtUp: Promise.resolve(),
    async run(signal: AbortSignal) {
      state.runs = true
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      state.runs = false
    },
  } as unknown as Manager
  return { manager, state }
}

async function passing(clock: ManualClock, forMs: number, stepMs = 500): Promise<void> {
  for (let passed = 0; passed < forMs; passed += stepMs) {
    clock.advance(stepMs)
    for (let i = 0; i < 5; i++) await turn()
  }
}

test('holds the lease for as long as the agent runs, and gives it up at the end', async () => {
  const store = createMemoryStore()
  const clock = new ManualClock()
  const { heart } = heartOf(store, clock, thisProcess())
  const { manager, state } = fakeManager()
  const stop = new AbortController()
  const ended = heart.guard(manager).run(stop.signal)
  await passing(clock, 30_000)
  assert.ok(state.runs && heart.isHeld)
  const record = await readLease(store, 'node/alpha')
  assert.ok((record?.renewals ?? 0) >= 6, 'renewed every 4 s')
  stop.abort()
  await ended
  assert.is(await readLease(store, 'node/alpha'), undefined)
  assert.not(heart.isHeld)
})

test('a second agent of one name runs nothing, and is told who the first is', async () => {
  const store = createMemoryStore()
  const clock = new ManualClock()
  const first = heartOf(store, clock, elsewhere({ pid: 11 })).heart
  first.begin()
  await passing(clock, 1_000)
  const { manager, state } = fakeManager()
  const second = heartOf(store, clock, elsewhere({ host: 'gamma', pid: 22 })).heart
  let error: unknown
  void second
    .guard(manager)
    .run(new AbortController().signal)
    .catch((reason) => {
      error = reason
    })
  await passing(clock, 10_000)
  assert.ok(isNsctlError(error, 'Conflict'), String(error))
  assert.is(error.message, 'node alpha has an agent: pid 11 on beta; this is pid 22 on gamma')
  assert.not(state.runs)
  assert.ok(first.isHeld)
  await first.end()
})

test('a silent one is followed after its time', async () => {
  const store = createMemoryStore()
  const clock = new ManualClock()
  const frozen = new ManualClock()
  const silent = heartOf(store, frozen, elsewhere()).heart
  silent.begin()
  await passing(clock, 1_000)
  const { heart } = heartOf(store, clock, elsewhere({ host: 'gamma' }))
  heart.begin()
  await passing(clock, NODE_LEASE_MS - 1_000)
  assert.not(heart.isHeld)
  await passing(clock, 5_000)
  assert.ok(heart.isHeld)
  await heart.end()
})

test('what this machine was before it was booted is followed as soon as one that lives would have been seen', async () => {
  const store = createMemoryStore()
  const clock = new ManualClock()
  const before = { ...thisProcess(), bootId: `00000000-0000-0000-0000-000000000000 pid:[4026531836]` }
  heartOf(store, new ManualClock(), before).heart.begin()
  await passing(clock, 1_000)
  const { heart } = heartOf(store, clock, thisProcess())
  heart.begin()
  await passing(clock, 4_000)
  assert.not(heart.isHeld, 'a machine of the same name might renew it')
  await passing(clock, 3_000)
  assert.ok(heart.isHeld)
  await heart.end()
})

test('one that could not renew claims the node again by itself; what it runs goes on', async () => {
  const memory = createMemoryStore()
  let away = false
  const store = new Proxy(memory, {
    get(target, name) {
      const member = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        if (away) throw new NsctlError('Unreachable', 'the store is away')
        return member.apply(target, args)
      }
    },
  })
  const clock = new ManualClock()
  const { heart, logger } = heartOf(store, clock, elsewhere())
  const { manager, state } = fakeManager()
  const stop = new AbortController()
  const ended = heart.guard(manager).run(stop.signal)
  await passing(clock, 1_000)
  away = true
  await passing(clock, 60_000)
  assert.not(heart.isHeld)
  assert.ok(state.runs)
  assert.match(logger.messages('warn').join('\n'), 'this node may be taken for lost')
  away = false
  await passing(clock, 3_000)
  assert.ok(heart.isHeld, 'at once: it was its own')
  stop.abort()
  await ended
})

test('one whose name another took meanwhile stops', async () => {
  const store = createMemoryStore()
  const own = new ManualClock()
  const others = new ManualClock()
  const { heart } = heartOf(store, own, elsewhere())
  const { manager, state } = fakeManager()
  let error: unknown
  void heart
    .guard(manager)
    .run(new AbortController().signal)
    .catch((reason) => {
      error = reason
    })
  await passing(own, 1_000)
  assert.ok(state.runs)
  const other = heartOf(store, others, elsewhere({ host: 'gamma' })).heart
  other.begin()
  await passing(others, NODE_LEASE_MS + 1_000)
  assert.ok(other.isHeld, 'the first stood still')
  for (let i = 0; i < 40 && error === undefined; i++) {
    await passing(own, 1_000)
    await passing(others, 1_000)
  }
  assert.ok(isNsctlError(error, 'Conflict'), String(error))
  assert.not(state.runs)
  assert.ok(other.isHeld)
  await other.end()
})

test.run()
