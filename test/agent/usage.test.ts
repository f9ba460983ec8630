/** When it is told what instances use. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { makeRecord } from '../../src/agent/instance/record.ts'
import { usageSampler } from '../../src/agent/usage.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { instance } from './catalog/instances.ts'

const settled = () => new Promise((resolve) => setImmediate(resolve))

test('the figures of what has just started wait for something to compare them with', async () => {
  const clock = new ManualClock()
  const stop = new AbortController()
  const told: string[] = []
  const cpuMs = { old: 100, new: 0, again: 0 }
  const make = (name: keyof typeof cpuMs, startedAtMs: number) => {
    const record = makeRecord(instance({}), [{ name: '', key: name }], new Map())
    const [program] = record.programs
    program!.startedAtMs = startedAtMs
    return { ref: { kind: 'Instance', name }, record, program: program! }
  }
  const places = new Map([['old', make('old', 0)]])
  const running = usageSampler({
    clock,
    logger: silentLogger,
    runtime: {
      usage: async () =>
        [...places.keys()].map((key) => ({
          key,
          memoryBytes: 2 ** 24,
          cpuMs: cpuMs[key as keyof typeof cpuMs],
        })) as never,
    },
    agent: { places: () => places },
    enqueue: ({ name }) => told.push(name),
  }).run(stop.signal)
  await settled()
  assert.equal(told.splice(0), ['old'], 'an agent that begins tells at once what it finds')
  clock.advance(4_000)
  const again = make('again', clock.monotonic())
  again.program.restarts = 1
  places.set('again', again)
  places.set('new', make('new', clock.monotonic()))
  cpuMs.old += 1_000
  cpuMs.new = 500
  clock.advance(6_000)
  await settled()
  assert.equal(told.splice(0), ['old', 'again'], 'what crashes in a loop has no other time')
  cpuMs.new += 1_000
  clock.advance(10_000)
  await settled()
  assert.ok(told.includes('new'))
  const { record } = places.get('new')!
  assert.equal([record.memoryBytes, record.cpuMillis], [2 ** 24, 100])
  stop.abort()
  await running
})

test.run()
