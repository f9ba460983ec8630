import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../src/core/clock.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import {
  acquireLease,
  holderIsAlive,
  isOfEarlierBoot,
  type LeaseSight,
  readLease,
  thisProcess,
  voidLease,
} from '../../src/store/lease.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { StoreReader } from '../../src/store/store.ts'
import { type Contender, settle, TTL_MS, World } from './contenders.ts'

const linux = process.platform === 'linux'

/** A write under the lease, as a leader makes them. */
async function fencedWrite(world: World, contender: Contender, value: string): Promise<boolean> {
  const [result] = await world.store.commit([
    [...contender.lease!.fence, { kind: 'put', key: 'work', value }],
  ])
  return result!.kind === 'committed'
}

test('a free lease is taken at once, and says who holds it', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  assert.equal(world.acting, ['a'])
  const record = await readLease(world.store, 'leader')
  assert.equal(record, {
    holder: a.holder,
    ttlMs: TTL_MS,
    epoch: 1,
    renewals: 0,
    renewedAtMs: Date.parse('2026-01-01T00:00:00Z'),
  })
})

test('a holder that renews keeps it, and its fence stays', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  const { fence } = a.lease!
  world.join('b')
  await world.pass(10 * TTL_MS, () => assert.equal(world.acting, ['a']))
  assert.equal(a.lease!.fence, fence)
  assert.ok(await fencedWrite(world, a, 'still'))
  assert.ok((await readLease(world.store, 'leader'))!.renewals >= 30)
})

test('what its holder tells is there at once, stays with every renewal, and leaves the fence as it is', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  const { fence } = a.lease!
  await a.lease!.tell({ looked: 'yes' })
  const about = async () => (await readLease(world.store, 'leader'))?.holder.about
  assert.equal(await about(), { looked: 'yes' })
  await world.pass(3 * TTL_MS)
  assert.equal(await about(), { looked: 'yes' })
  assert.equal(a.lease!.fence, fence)
  assert.is(a.lease!.lost.aborted, false)
})

test('what its holder tells while its store is away is told by the next renewal', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  a.cutOff = true
  await a.lease!.tell({ looked: 'yes' })
  a.cutOff = false
  await world.pass(TTL_MS)
  assert.equal((await readLease(world.store, 'leader'))?.holder.about, { looked: 'yes' })
})

test('release lets the next one in without waiting', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  const { lost } = a.lease!
  world.join('b')
  await settle()
  await a.release()
  await settle()
  assert.equal(world.acting, ['b'])
  assert.is(lost.aborted, false, 'released is not lost')
  assert.is(world.contenders[1]!.lease!.epoch, 2)
})

test('a released lease that nobody takes is free to see', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  await a.release()
  assert.is(await readLease(world.store, 'leader'), undefined)
})

test('a dead holder whose death is seen is followed within a look', async () => {
  const world = new World()
  world.seesDeath = true
  const a = world.join('a')
  await settle()
  world.join('b')
  await world.pass(1_000)
  a.die()
  await world.pass(300)
  assert.equal(world.acting, ['b'])
})

test('a dead holder whose death is not seen is followed after the ttl, not before', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  world.join('b')
  // renewed at 2/8 of the ttl, dead at 3/8
  await world.pass((TTL_MS * 3) / 8)
  a.die()
  await world.pass((TTL_MS * 7) / 8 - 100, () => assert.equal(world.acting, []))
  await world.pass(500)
  assert.equal(world.acting, ['b'])
})

test('whoever waits is told who holds it, and asks the store a few times per ttl', async () => {
  const store = createMemoryStore()
  const [clock, stop, told] = [new ManualClock(), new AbortController(), [] as string[]]
  const holder = (id: string) => ({ ...thisProcess(), id })
  const held = await acquireLease(store, {
    name: 'leader',
    ttlMs: TTL_MS,
    holder: holder('a'),
    clock,
    signal: stop.signal,
  })
  let reads = 0
  const counting = new Proxy(store, {
    get(target, name) {
      if (name === 'getMany') reads++
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const waiting = acquireLease(counting, {
    name: 'leader',
    ttlMs: TTL_MS,
    holder: holder('b'),
    clock,
    signal: stop.signal,
    isAlive: () => true,
    onHeld: (record) => told.push(record.holder.id),
  }).catch(() => 'stopped')
  for (let passedMs = 0; passedMs < 2 * TTL_MS; passedMs += 100) {
    await settle()
    clock.advance(100)
  }
  await settle()
  assert.ok(told.length > 0 && told.every((id) => id === 'a'), String(told))
  // twice for each time that the holder renews it, at most: once for the change, once for the time
  assert.ok(reads > 4 && reads <= 2 * 2 * 4 + 2, `${reads} reads`)
  stop.abort()
  assert.is(await waiting, 'stopped')
  await held.release()
})

test('a candidate that comes late waits a whole ttl of its own', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  a.die()
  await world.pass(10 * TTL_MS)
  world.join('b')
  await world.pass(TTL_MS - 100, () => assert.equal(world.acting, []))
  await world.pass(300)
  assert.equal(world.acting, ['b'])
})

test('a holder that stood still has lost when it wakes, and its late write is refused', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  const { lost, fence } = a.lease!
  const b = world.join('b')
  a.pause()
  await world.pass(2 * TTL_MS)
  assert.equal(world.acting, ['b'])
  const [late] = await world.store.commit([[...fence, { kind: 'put', key: 'work', value: 'late' }]])
  assert.is(late!.kind, 'conflict')
  assert.ok(await fencedWrite(world, b, 'in time'))
  a.resume()
  await settle()
  assert.ok(isNsctlError(lost.reason, 'Fenced'), String(lost.reason))
  assert.is((await world.store.get('work'))?.value, 'in time')
})

test('a holder that cannot reach the store gives up before another may take it', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  world.join('b')
  await world.pass(100)
  a.cutOff = true
  let gaveUpMs = 0
  let takenMs = 0
  await world.pass(2 * TTL_MS, () => {
    if (gaveUpMs === 0 && !a.acts) gaveUpMs = world.clock.monotonic()
    if (takenMs === 0 && world.acting.includes('b')) takenMs = world.clock.monotonic()
    assert.ok(world.acting.length <= 1)
  })
  assert.ok(
    gaveUpMs > 0 && takenMs - gaveUpMs >= TTL_MS / 4 - 200,
    `gave up at ${gaveUpMs}, taken at ${takenMs}`,
  )
})

test('a store that is away for less than the ttl costs nothing', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  world.join('b')
  const { lost } = a.lease!
  await world.pass(100)
  a.cutOff = true
  await world.pass(TTL_MS / 2)
  a.cutOff = false
  await world.pass(4 * TTL_MS, () => assert.equal(world.acting, ['a']))
  assert.is(lost.aborted, false)
})

test('a renewal that went through but seemed to fail is not a loss', async () => {
  const clock = new ManualClock()
  const store = createMemoryStore()
  const real = store.commit.bind(store)
  let fail = false
  store.commit = async (transactions) => {
    const results = await real(transactions)
    if (fail) throw new Error('the answer was lost')
    return results
  }
  const { signal } = new AbortController()
  const lease = await acquireLease(store, { name: 'x', ttlMs: 1000, holder: thisProcess(), clock, signal })
  fail = true
  clock.advance(300)
  await settle()
  fail = false
  for (let i = 0; i < 50; i++) {
    clock.advance(50)
    await settle()
  }
  assert.is(lease.lost.aborted, false)
  await lease.release()
  assert.is(await readLease(store, 'x'), undefined)
})

test('a lease that was lost is released at once, though its renewal waits for a store that is away', async () => {
  const clock = new ManualClock()
  const store = createMemoryStore()
  const { signal } = new AbortController()
  const lease = await acquireLease(store, { name: 'x', ttlMs: 1000, holder: thisProcess(), clock, signal })
  store.commit = () => new Promise(() => {})
  clock.advance(1000)
  await settle()
  assert.ok(lease.lost.aborted)
  let released = false
  void lease.release().then(() => {
    released = true
  })
  await settle()
  assert.ok(released)
})

test('jumps of the wall clock change nothing', async () => {
  const world = new World()
  world.join('a')
  await settle()
  world.join('b')
  for (const jumpMs of [86_400_000, -7 * 86_400_000, 10 * TTL_MS]) {
    world.clock.jumpWall(jumpMs)
    await world.pass(2 * TTL_MS, () => assert.equal(world.acting, ['a']))
  }
})

test('waiting ends with the signal, and leaves the lease alone', async () => {
  const world = new World()
  world.join('a')
  await settle()
  const abort = new AbortController()
  const options = {
    name: 'leader',
    ttlMs: 1000,
    holder: thisProcess(),
    clock: world.clock,
    signal: abort.signal,
  }
  const waiting = acquireLease(world.store, { ...options, isAlive: () => undefined })
  await settle()
  abort.abort(new Error('enough'))
  try {
    await waiting
    assert.unreachable('it was taken')
  } catch (error) {
    assert.match(String(error), 'enough')
  }
  assert.is((await readLease(world.store, 'leader'))?.holder.id, 'a')
})

test('a record that cannot be read is waited out like a silent holder', async () => {
  const world = new World()
  await world.store.commit([[{ kind: 'put', key: 'lease/leader/holder', value: 'what is this' }]])
  world.join('a')
  await world.pass(TTL_MS - 100, () => assert.equal(world.acting, []))
  await world.pass(300)
  assert.equal(world.acting, ['a'])
})

type Step = readonly [
  action: 'pause' | 'resume' | 'die' | 'cut' | 'mend' | 'release' | 'jump',
  who: number,
  afterMs: number,
]

const steps = fc.array(
  fc.tuple(
    fc.constantFrom<Step[0]>('pause', 'resume', 'die', 'cut', 'mend', 'release', 'jump'),
    fc.nat(7),
    fc.integer({ min: 0, max: 2 * TTL_MS }),
  ),
  { minLength: 3, maxLength: 12 },
)

async function play(world: World, step: Step): Promise<void> {
  // half of what happens happens to whoever acts
  const one = world.contenders.find((each) => step[1] > 3 && each.acts) ?? world.contenders[step[1] % 4]!
  switch (step[0]) {
    case 'pause':
      return one.pause()
    case 'resume':
      return one.resume()
    case 'die':
      return one.die()
    case 'cut':
    case 'mend':
      one.cutOff = step[0] === 'cut'
      return
    case 'release':
      return one.state === 'running' ? one.release() : undefined
    case 'jump':
      world.clock.jumpWall((step[2] - TTL_MS) * 1_000)
  }
}

test('never two act at once, epochs only grow, and no late write gets through', async () => {
  let takeovers = 0
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (plan, seesDeath) => {
      const world = new World()
      world.seesDeath = seesDeath
      for (const id of ['a', 'b', 'c', 'd']) world.join(id)
      await settle()
      let newest = 0
      const look = () => {
        assert.ok(world.acting.length <= 1, `${world.acting} act at once`)
        for (const one of world.contenders.filter((each) => each.acts)) {
          assert.ok(
            one.lease!.epoch >= newest,
            `${one.holder.id} acts in epoch ${one.lease!.epoch} after ${newest}`,
          )
          if (one.lease!.epoch > newest) takeovers++
          newest = one.lease!.epoch
        }
      }
      for (const step of plan) {
        await play(world, step)
        await settle()
        look()
        await world.pass(step[2], look)
        for (const one of world.contenders.filter((each) => each.lease !== undefined)) {
          const passed = await fencedWrite(world, one, `${one.holder.id} at ${world.clock.monotonic()}`)
          assert.ok(!passed || one.lease!.epoch >= newest, `a late write of ${one.holder.id} got through`)
        }
      }
    }),
    { numRuns: 60 },
  )
  assert.ok(takeovers > 120, `only ${takeovers} takeovers: the property saw nothing`)
})

async function sightOf(store: StoreReader): Promise<LeaseSight> {
  const [record, epoch] = await Promise.all(
    ['holder', 'epoch'].map((one) => store.get(`lease/leader/${one}`)),
  )
  return { record: record?.revision ?? 0, epoch: epoch?.revision ?? 0 }
}

test('a lease that is made void is lost with its next renewal, and has to be acquired anew', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  const { lease } = a
  const fence = await voidLease(world.store, 'leader', await sightOf(world.store))
  assert.not(await fencedWrite(world, a, 'late'))
  assert.not(lease!.lost.aborted, 'nobody has told it')
  const [held] = await world.store.commit([[...fence!, { kind: 'put', key: 'work', value: 'mine' }]])
  assert.is(held?.kind, 'committed')
  await world.pass(TTL_MS / 2)
  assert.ok(lease!.lost.aborted)
  await world.pass(TTL_MS * 2)
  assert.is(a.lease?.epoch, 3)
  const [late] = await world.store.commit([[...fence!, { kind: 'put', key: 'work', value: 'mine' }]])
  assert.is(late?.kind, 'conflict', 'it is held again')
})

test('a lease that was renewed or acquired since it was looked at is not made void', async () => {
  const world = new World()
  const a = world.join('a')
  await settle()
  const seen = await sightOf(world.store)
  await world.pass(TTL_MS / 2)
  assert.is(await voidLease(world.store, 'leader', seen), undefined)
  await a.lease?.release()
  const given = await sightOf(world.store)
  assert.is(given.record, 0)
  world.join('b')
  await world.pass(TTL_MS * 2)
  assert.is(await voidLease(world.store, 'leader', given), undefined)
})

test('what guards a lease is waited for before each renewal, and told of those that went through', async () => {
  const store = createMemoryStore()
  const clock = new ManualClock()
  const told: string[] = []
  const guard = {
    before: async () => {
      const renewals = (await readLease(store, 'leader'))?.renewals
      told.push(`before ${renewals}`)
      return () => told.push('went through')
    },
  }
  const { signal } = new AbortController()
  const lease = await acquireLease(store, {
    name: 'leader',
    ttlMs: TTL_MS,
    holder: thisProcess(),
    clock,
    signal,
    guard,
  })
  const before = lease.revision
  await lease.renew()
  assert.equal(told, ['before undefined', 'went through', 'before 0', 'went through'])
  assert.ok(lease.revision > before)
  await voidLease(store, 'leader', await sightOf(store))
  await lease.renew()
  assert.equal(told.slice(4), ['before 1'])
  assert.ok(lease.lost.aborted)
})

if (linux) {
  test('holderIsAlive tells the living from the dead on this boot', async () => {
    const child = spawn('sleep', ['60'])
    const self = thisProcess()
    const startTime = readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(' ')[21]!
    const holder = { ...self, pid: child.pid!, startTime }
    assert.is(holderIsAlive(self), true)
    assert.is(holderIsAlive(holder), true)
    child.kill('SIGKILL')
    await once(child, 'exit')
    assert.is(holderIsAlive(holder), false)
  })

  const [kernel, processes] = thisProcess().bootId.split(' ')
  for (const [name, change, want] of [
    ['this boot', {}, false],
    ['a container of this boot', { bootId: `${kernel} pid:[1]` }, false],
    ['another boot', { bootId: `c0ffee ${processes}` }, true],
    ['another boot of another machine', { bootId: `c0ffee ${processes}`, host: 'elsewhere' }, false],
    ['a machine that is not Linux', { bootId: '' }, false],
  ] as const) {
    test(`isOfEarlierBoot of ${name} is ${want}`, () => {
      assert.is(isOfEarlierBoot({ ...thisProcess(), ...change }), want)
    })
  }

  for (const [name, change, want] of [
    ['another process under its pid', { startTime: '1' }, false],
    ['a pid that is not there', { pid: 2 ** 22 + 1 }, false],
    ['another boot', { bootId: 'c0ffee' }, undefined],
    ['a machine that is not Linux', { bootId: '' }, undefined],
  ] as const) {
    test(`holderIsAlive of ${name} is ${want}`, () => {
      assert.is(holderIsAlive({ ...thisProcess(), ...change }), want)
    })
  }
}

test.run()
