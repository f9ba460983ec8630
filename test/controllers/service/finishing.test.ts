import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { letFinish } from '../../../src/controllers/service/finishing.ts'
import { planInstances } from '../../../src/controllers/service/plan.ts'
import type { InstanceAction } from '../../../src/controllers/service/views.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import { specOf, startWorld, type World } from '../world.ts'

const pure = suite('letFinish')

function surplus(name: string): InstanceAction {
  return { kind: 'delete', name, reason: 'surplus' }
}

const cases = [
  { name: 'lets go what is idle', actions: [surplus('a')], busy: [], waited: 0, goes: ['a'], waits: [] },
  {
    name: 'waits for what is busy',
    actions: [surplus('a')],
    busy: ['a'],
    waited: 400,
    goes: [],
    waits: ['a'],
  },
  {
    name: 'loses patience in the end',
    actions: [surplus('a')],
    busy: ['a'],
    waited: 1000,
    goes: ['a'],
    waits: [],
  },
  {
    name: 'waits for the busy one only',
    actions: [surplus('a'), surplus('b')],
    busy: ['b'],
    waited: 0,
    goes: ['a'],
    waits: ['b'],
  },
  {
    name: 'waits for none that is replaced',
    actions: [{ kind: 'delete', name: 'a', reason: 'replaced' } as const],
    busy: ['a'],
    waited: 0,
    goes: ['a'],
    waits: [],
  },
]
for (const { name, actions, busy, waited, goes, waits } of cases)
  pure(name, () => {
    const got = letFinish(
      actions,
      (one) => busy.includes(one),
      () => waited,
      1000,
    )
    assert.equal(
      got.actions.flatMap((one) => (one.kind === 'delete' ? [one.name] : [])),
      goes,
    )
    assert.equal(got.waitsFor, waits)
    assert.is(got.waitMs, waits.length === 0 ? undefined : 1000 - waited)
  })

pure('of those that are too many the unready go first, then the idle, then the highest', () => {
  const view = (ordinal: number, ready: boolean, busy: boolean) => ({
    name: `web-${ordinal}`,
    hash: 'h',
    ordinal,
    attempt: 0,
    deleting: false,
    ready,
    available: ready,
    busy,
  })
  const observed = [
    view(0, true, false),
    view(1, true, true),
    view(2, false, false),
    view(3, true, true),
    view(4, true, false),
  ]
  const order = [4, 3, 2, 1].map((replicas) => {
    const actions = planInstances(
      { replicas, hash: 'h', strategy: 'Rolling', maxUnavailable: 0, maxSurge: 1, exclusive: false },
      observed,
    )
    return actions.flatMap((one) => (one.kind === 'delete' ? [one.name] : []))
  })
  assert.equal(order, [
    ['web-2'],
    ['web-2', 'web-4'],
    ['web-2', 'web-4', 'web-0'],
    ['web-2', 'web-4', 'web-0', 'web-3'],
  ])
})
pure.run()

const test = suite<{ world: World }>('a scale-down')
test.before.each(async (context) => {
  context.world = await startWorld()
})
test.after.each(async ({ world }) => world.stop())

const ref = { kind: 'Service', namespace: 'default', name: 'web' }
const actor = { name: 'test' }
const busyProbe = { exec: { command: ['is-busy'] }, period: '20ms' }

async function twoBusy(world: World, over: JsonObject = {}): Promise<void> {
  world.runtime.onExec = () => 0
  await world.apply(specOf({ replicas: 2, ...over }, { busy: busyProbe }))
  await world.until(async () => {
    const instances = await world.instances()
    assert.equal(
      instances.map((one) => one.status?.busy),
      [true, true],
    )
  })
}

test('lets a busy instance finish, and says so', async ({ world }) => {
  await twoBusy(world)
  await world.api.scale(ref, 1, { actor })
  await world.until(async () => {
    const condition = (await world.service())?.status?.conditions?.find((one) => one.type === 'Progressing')
    assert.is(condition?.reason, 'Draining')
    assert.match(condition?.message ?? '', /^web-1-\w{5} finishes what it does$/)
  })
  assert.is(world.runtime.running().length, 2)
  world.runtime.onExec = () => 1
  await world.until(() => assert.is(world.runtime.running().length, 1))
  // whichever became idle first
  await world.until(async () => assert.is((await world.instances())[0]?.status?.busy, false))
})

test('does not wait longer than drainTimeout', async ({ world }) => {
  await twoBusy(world, { scaleDown: { drainTimeout: '300ms' } })
  await world.api.scale(ref, 0, { actor })
  await world.until(() => assert.is(world.runtime.running().length, 0))
  assert.ok(world.runtime.calls.filter((call) => call.startsWith('stop')).length === 2)
})

test('lets one finish that is said to be busy, and ends it once that is taken back', async ({ world }) => {
  await world.apply(specOf({ replicas: 3 }))
  await world.until(async () => assert.is((await world.service())?.status?.ready, '3/3'))
  const all = (await world.instances()).map(({ metadata }) => metadata.name).sort()
  const [first = '', , last = ''] = all
  const annotate = (name: string, value: string | null) => {
    const patch = { metadata: { annotations: { 'nsctl.dev/busy': value } } }
    return world.api.patch({ ...ref, kind: 'Instance', name }, 'merge', patch, { actor })
  }
  // without it the last would be the first to go; "false" is as none
  await annotate(last, 'true')
  await annotate(first, 'false')
  await world.api.scale(ref, 1, { actor })
  await world.until(async () =>
    assert.equal(
      (await world.instances()).map(({ metadata }) => metadata.name),
      [last],
    ),
  )
  await world.api.scale(ref, 0, { actor })
  await world.until(async () => {
    const condition = (await world.service())?.status?.conditions?.find((one) => one.type === 'Progressing')
    assert.equal([condition?.reason, condition?.message], ['Draining', `${last} finishes what it does`])
  })
  assert.is(world.runtime.running().length, 1)
  await annotate(last, null)
  await world.until(() => assert.is(world.runtime.running().length, 0))
})

test('lets it finish, though nsctl is started again meanwhile', async ({ world }) => {
  await twoBusy(world)
  await world.api.scale(ref, 1, { actor })
  await world.until(async () => {
    const condition = (await world.service())?.status?.conditions?.find((one) => one.type === 'Progressing')
    assert.is(condition?.reason, 'Draining')
  })
  let asked = 0
  const answer = Promise.withResolvers<number>()
  world.runtime.onExec = () => {
    asked++
    return answer.promise
  }
  await world.restart()
  await world.until(() => assert.ok(asked >= 2))
  // a change that makes it write what it knows of them
  await world.api.scale(ref, 3, { actor })
  await world.until(() => assert.is(world.runtime.running().length, 3))
  assert.equal((await world.instances()).filter((one) => one.status?.busy === true).length, 2)
  answer.resolve(1)
  await world.until(async () =>
    assert.ok((await world.instances()).every((one) => one.status?.busy === false)),
  )
})

test('keeps what was to go where it is wanted again', async ({ world }) => {
  await twoBusy(world)
  await world.api.scale(ref, 0, { actor })
  await world.until(async () => {
    const condition = (await world.service())?.status?.conditions?.find((one) => one.type === 'Progressing')
    assert.is(condition?.reason, 'Draining')
  })
  await world.api.scale(ref, 2, { actor })
  world.runtime.onExec = () => 1
  await world.until(async () => {
    assert.is((await world.service())?.status?.ready, '2/2')
    assert.ok((await world.instances()).every((one) => one.status?.busy === false))
  })
  assert.is(world.runtime.calls.filter((call) => call.startsWith('stop')).length, 0)
})

test.run()
