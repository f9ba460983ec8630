/** What is known of a catalog between two looks at it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../src/core/clock.ts'
import { CatalogError, checksText } from '../../src/traffic/catalog.ts'
import { planCatalog } from '../../src/traffic/catalog-plan.ts'
import { MemoryCatalog } from '../../src/traffic/memory/catalog.ts'
import { LOOK_AGAIN_MS, Registrations } from '../../src/traffic/registrations.ts'
import { entry } from './contract.ts'

const { signal } = new AbortController()

function scene() {
  const [machine, clock] = [new MemoryCatalog(), new ManualClock()]
  const part = new Registrations(machine.of('n1'), clock)
  const make = async (...wanted: ReturnType<typeof entry>[]) =>
    part.carryOut(planCatalog(wanted, await part.look(signal)), () => true, signal)
  const lists = () => machine.calls.filter((call) => call === 'list').length
  return { machine, clock, part, make, lists }
}

test('what it did itself it knows without asking, as the catalog would tell it', async () => {
  const { machine, part, make, lists } = scene()
  await make(entry('a'), entry('b'))
  const known = await part.look(signal)
  assert.is(lists(), 1)
  assert.equal(known, await machine.of('n1').list(signal))
  assert.equal(
    known.map(({ checks }) => checks),
    [entry('a'), entry('b')].map(({ checks }) => checksText(checks)),
  )
  await make(entry('b', { port: 9 }))
  assert.equal(
    (await part.look(signal)).map(({ id, port }) => [id, port]),
    [['b', 9]],
  )
  assert.is(machine.calls.filter((call) => /^register/.test(call)).length, 3)
})

test('what others did is seen after a while', async () => {
  const { machine, clock, part, make, lists } = scene()
  await make(entry('a'))
  machine.entries.delete('a')
  clock.advance(LOOK_AGAIN_MS - 1)
  assert.is((await part.look(signal)).length, 1)
  assert.is(part.lookInMs, 1)
  clock.advance(1)
  assert.equal(await part.look(signal), [])
  assert.is(lists(), 2)
})

test('after something went wrong it is looked at anew', async () => {
  const { machine, part, make, lists } = scene()
  await make(entry('a'))
  machine.fault = (call) => (call.startsWith('register') ? new CatalogError('Refused', 'no') : undefined)
  assert.equal([...(await make(entry('a'), entry('b'))).keys()], ['b'])
  assert.is(lists(), 1)
  await part.look(signal)
  assert.is(lists(), 2)
})

test('what is on its way out is not ended twice', async () => {
  const { machine, part, make } = scene()
  await make(entry('a'))
  const plan = planCatalog([], await part.look(signal))
  await Promise.all([part.deregister('a', signal), part.carryOut(plan, () => false, signal)])
  assert.equal(
    machine.calls.filter((call) => /^deregister/.test(call)),
    ['deregister a'],
  )
  machine.fault = (call) => (call.startsWith('deregister') ? new CatalogError('Refused', 'no') : undefined)
  await make(entry('a'))
  await part.deregister('a', signal).catch(() => {})
  machine.fault = () => undefined
  await part.deregister('a', signal)
  assert.equal([...machine.entries.keys()], [])
})

test.run()
