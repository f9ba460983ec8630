/** systemd is woken when a restart is due: not before, soon after, and no more once it is heard of. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { RestartWakes } from '../../../src/runtimes/systemd/restart-wakes.ts'

function setUp() {
  const clock = new ManualClock()
  const wokenMs: number[] = []
  const readiedMs: number[] = []
  const wakes = new RestartWakes(clock, {
    wake: () => wokenMs.push(clock.monotonic()),
    ready: () => readiedMs.push(clock.monotonic()),
  })
  /** Its process ended `agoMs` ago, and systemd has just said that it waits. */
  const dies = (unit: string, agoMs: number) => {
    wakes.heard(unit, { execExitUs: (clock.now() - agoMs) * 1000 })
    wakes.heard(unit, { subState: 'auto-restart' })
  }
  return { clock, wakes, wokenMs, readiedMs, dies }
}

test('it is woken from the end of the delay on, until the restart is certainly due', () => {
  const { clock, wokenMs, dies } = setUp()
  dies('a', 5)
  clock.advance(94)
  assert.equal(wokenMs, [])
  clock.advance(1_000)
  assert.equal(wokenMs, [95, 97, 99, 101])
})

test('what a restart needs is readied shortly before, and until it is heard of', () => {
  const { clock, wakes, readiedMs, dies } = setUp()
  dies('a', 5)
  clock.advance(97)
  assert.equal(readiedMs, [71, 75, 79, 83, 87, 91, 95, 97])
  wakes.heard('a', { subState: 'start' })
  clock.advance(1_000)
  assert.is(readiedMs.length, 8)
})

for (const subState of ['start', 'running', 'auto-restart-queued', 'dead'])
  test(`it is left alone once the unit is heard to be ${subState}`, () => {
    const { clock, wakes, wokenMs, dies } = setUp()
    dies('a', 5)
    clock.advance(95)
    wakes.heard('a', { subState })
    clock.advance(1_000)
    assert.equal(wokenMs, [95])
  })

test('several units that died together are one series', () => {
  const { clock, wokenMs, dies } = setUp()
  for (let n = 0; n < 100; n++) dies(`unit-${n}`, 3)
  clock.advance(1_000)
  assert.equal(wokenMs, [97, 99, 101])
})

test('one that died earlier is woken for earlier, and nobody in between', () => {
  const { clock, wakes, wokenMs, dies } = setUp()
  dies('late', 0)
  clock.advance(10)
  dies('early', 50)
  clock.advance(50)
  assert.equal(wokenMs, [60])
  wakes.heard('early', { subState: 'start' })
  clock.advance(1_000)
  assert.equal(wokenMs, [60, 100, 101])
})

for (const [what, jumpMs] of [
  ['back', -3_600_000],
  ['forth', 3_600_000],
] as const)
  test(`a wall clock that jumps ${what} moves no restart beyond its time`, () => {
    const { clock, wakes, wokenMs } = setUp()
    wakes.heard('a', { execExitUs: clock.now() * 1000 })
    clock.jumpWall(jumpMs)
    wakes.heard('a', { subState: 'auto-restart' })
    clock.advance(1_000)
    assert.is(wokenMs.at(-1), 101)
  })

test('the end of an earlier run says nothing of this one', () => {
  const { clock, wakes, wokenMs, dies } = setUp()
  dies('a', 40)
  wakes.heard('a', { subState: 'running' })
  wakes.heard('a', { subState: 'auto-restart' })
  clock.advance(1_000)
  assert.equal(wokenMs, [100, 101])
})

test('nobody is woken for a unit that was removed', () => {
  const { clock, wakes, wokenMs, dies } = setUp()
  dies('a', 5)
  wakes.removed('a')
  clock.advance(1_000)
  assert.equal(wokenMs, [])
})

test('after it is closed nobody is woken', () => {
  const { clock, wakes, wokenMs, dies } = setUp()
  dies('a', 5)
  wakes.close()
  clock.advance(1_000)
  assert.equal(wokenMs, [])
})

test.run()
