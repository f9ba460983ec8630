/** Rollouts in a whole nsctl, with a runtime that obeys the test. */
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../../src/core/json.ts'
import { assertReady, conditionsOf, specOf, startWorld, type World } from '../../world.ts'

const test = suite<{ world: World; number: { value: number | Error } }>('rollout')
test.before.each(async (context) => {
  const number: { value: number | Error } = { value: 0 }
  context.number = number
  context.world = await startWorld(undefined, undefined, undefined, undefined, async () => {
    if (number.value instanceof Error) throw number.value
    return number.value
  })
})
test.after.each(async ({ world }) => world.stop())

const actor = { name: 'test' }
const ref = { kind: 'Service', namespace: 'default', name: 'web' }
const version = (value: string) => ({ env: [{ name: 'VERSION', value }] })

async function settle(world: World, ready: string): Promise<void> {
  await world.until(async () => {
    const service = await world.service()
    assertReady(service, ready)
    assert.is(conditionsOf(service).Progressing, 'False Complete')
  })
}

/** How many instances there are of each version that are ready. */
async function versions(world: World): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {}
  for (const { spec, status, metadata } of await world.instances()) {
    if (status?.ready !== true || metadata.deletionTimestamp !== undefined) continue
    const name = spec.template.env?.[0]?.value ?? '?'
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

async function runs(world: World, wanted: Readonly<Record<string, number>>): Promise<void> {
  await world.until(async () => {
    assert.equal(await versions(world), wanted)
    assert.is(
      (await world.service())?.status?.replicas,
      Object.values(wanted).reduce((sum, one) => sum + one, 0),
    )
  })
}

const patch = (world: World, update: JsonObject) =>
  world.api.patch(ref, 'merge', { spec: { update } }, { actor })

test('paused, a change replaces nothing, and what is scaled and lost is made of the old', async ({
  world,
}) => {
  await world.apply(specOf({ replicas: 2 }, version('1')))
  await settle(world, '2/2')
  await patch(world, { paused: true })
  await world.apply(specOf({ replicas: 2 }, version('2')))
  await world.until(async () => {
    const service = await world.service()
    assertReady(service, '2/2')
    assert.is(conditionsOf(service).Progressing, 'Unknown Paused')
  })
  await world.api.scale(ref, 4, { actor })
  await runs(world, { 1: 4 })
  const [first] = await world.instances()
  await world.api.delete(
    { kind: 'Instance', namespace: 'default', name: first?.metadata.name ?? '' },
    { actor },
  )
  await world.until(async () => {
    assert.not.ok((await world.instances()).some((one) => one.metadata.uid === first?.metadata.uid))
  })
  await runs(world, { 1: 4 })
  await world.restart()
  await world.api.scale(ref, 3, { actor })
  await runs(world, { 1: 3 })
  await patch(world, { paused: null })
  await settle(world, '3/3')
  assert.equal(await versions(world), { 2: 3 })
  assert.is((await world.service())?.metadata.revision, 2, 'neither pausing nor resuming is a revision')
})

test('paused, what never was good is not started', async ({ world }) => {
  await world.apply(specOf({ replicas: 2, update: { paused: true } }, version('1')))
  await world.until(async () => assert.is(conditionsOf(await world.service()).Progressing, 'Unknown Paused'))
  assert.equal(await world.instances(), [])
  await patch(world, { paused: null })
  await settle(world, '2/2')
})

const analysis = {
  prometheus: { address: 'http://p', query: 'errors' },
  ...{ successCondition: 'result < 1', interval: '50ms', count: 2 },
}

/** Waits until the rollout is at that step, counted from 0. */
async function at(world: World, step: number): Promise<void> {
  await world.until(async () => assert.is((await world.service())?.status?.rollout?.step, step))
}

async function order(world: World, name: string, text: string): Promise<void> {
  const { hash, revision } = (await world.service())?.status?.rollout ?? {}
  const annotations = { [`nsctl.dev/rollout-${name}`]: `${hash} r${revision}${text}` }
  await world.api.patch(ref, 'merge', { metadata: { annotations } }, { actor })
}

async function rolledBack(world: World, why: RegExp): Promise<void> {
  await runs(world, { 1: 4 })
  await world.until(async () => {
    const service = await world.service()
    assert.is(conditionsOf(service).Degraded, 'True RolledBack')
    assert.match(service?.status?.failedReason ?? '', why)
    assert.is(service?.status?.rollout, undefined)
    assert.equal(service?.status?.traffic, [{ hash: service?.status?.stableHash, weight: 100 }])
    assert.is(conditionsOf(service).Ready, 'True EnoughReady')
  })
}

async function startCanary(world: World, steps: readonly JsonObject[]): Promise<void> {
  const update = { strategy: 'Canary', canary: { steps } }
  await world.apply(specOf({ replicas: 4, update }, version('1')))
  await settle(world, '4/4')
  await world.apply(specOf({ replicas: 4, update }, version('2')))
}

test('a canary goes step by step, also where nsctl is started again at each', async ({ world }) => {
  await startCanary(world, [
    { setWeight: 25 },
    { pause: {} },
    { analysis },
    { setWeight: 50 },
    { pause: { duration: '300ms' } },
  ])
  await at(world, 1)
  await runs(world, { 1: 3, 2: 1 })
  const { status } = (await world.service()) ?? {}
  assert.equal(status?.traffic, [
    { hash: status?.stableHash, weight: 75 },
    { hash: status?.currentHash, weight: 25 },
  ])
  assert.is(conditionsOf(await world.service()).Progressing, 'Unknown Paused')
  assert.is(status?.summary, 'Paused: step 2 of 5: waits for nsctl rollout promote')
  await world.restart()
  await world.api.scale(ref, 8, { actor })
  await runs(world, { 1: 6, 2: 2 })
  await at(world, 1)
  await world.restart()
  await order(world, 'promote', ' 1')
  await at(world, 4)
  await world.restart()
  await settle(world, '8/8')
  assert.equal(await versions(world), { 2: 8 })
  const told = (await world.events()).flatMap((event) => /^RolloutStep: (step \d)/.exec(event)?.[1] ?? [])
  assert.equal(new Set(told), new Set(['step 1', 'step 2', 'step 3', 'step 4', 'step 5']))
  assert.is((await world.service())?.status?.rollout, undefined)
})

test('a measurement that is bad takes the canary back', async ({ world, number }) => {
  number.value = 3
  await startCanary(world, [{ setWeight: 50 }, { analysis }])
  await rolledBack(world, /^1 of 1 measurement failed: errors was 3, not result < 1$/)
})

test('what cannot be measured is no success: it waits, says so, and goes on when it can', async ({
  world,
  number,
}) => {
  number.value = new Error('connection refused')
  await startCanary(world, [{ setWeight: 25 }, { analysis: { ...analysis, inconclusiveLimit: 1 } }])
  await world.until(async () => {
    const service = await world.service()
    assert.is(conditionsOf(service).Degraded, 'True AnalysisInconclusive')
    assert.is(conditionsOf(service).Progressing, 'True Analysing')
    assert.match(service?.status?.summary ?? '', /measurements in a row came to nothing: connection refused/)
  })
  assert.equal(await versions(world), { 1: 3, 2: 1 })
  number.value = 0
  await settle(world, '4/4')
  assert.equal(await versions(world), { 2: 4 })
})

test('a canary that crashes, or is aborted, is taken back', async ({ world }) => {
  await startCanary(world, [{ setWeight: 25 }, { pause: {} }])
  await at(world, 1)
  await order(world, 'abort', '')
  await rolledBack(world, /^it was aborted$/)
  let atMs = Date.now()
  world.runtime.onStart = (spec) =>
    spec.env.VERSION === '3' ? { reason: 'exit-code', exitCode: 78, atMs: atMs++ } : 'run'
  const update = { strategy: 'Canary', canary: { steps: [{ setWeight: 25 }] }, progressDeadline: '1s' }
  await world.apply(specOf({ replicas: 4, update }, version('3')))
  await rolledBack(world, /web-0/)
})

test('other steps begin anew', async ({ world }) => {
  await startCanary(world, [{ setWeight: 50 }, { pause: {} }])
  await at(world, 1)
  await patch(world, { canary: { steps: [{ setWeight: 25 }, { pause: { duration: '1h' } }, { pause: {} }] } })
  await runs(world, { 1: 3, 2: 1 })
  await at(world, 1)
})

test('blue and green: all beside, moved over at once, and back at once', async ({ world }) => {
  const blueGreen = { autoPromotionEnabled: false, scaleDownDelaySeconds: 60 }
  const spec = { replicas: 2, update: { strategy: 'BlueGreen', blueGreen } }
  await world.apply(specOf(spec, version('1')))
  await settle(world, '2/2')
  await world.apply(specOf(spec, version('2')))
  await at(world, 1)
  await runs(world, { 1: 2, 2: 2 })
  const served = async () => {
    const { status } = (await world.service()) ?? {}
    return status?.traffic?.map(({ hash, weight }) => [hash === status.currentHash ? 'new' : 'old', weight])
  }
  assert.equal(await served(), [['old', 100]])
  await world.restart()
  await order(world, 'promote', ' 1')
  await at(world, 2)
  assert.equal(await served(), [['new', 100]])
  await order(world, 'abort', '')
  await runs(world, { 1: 2 })
  assert.equal(await served(), [['old', 100]])
})

test('a rolling update is aborted in the middle, automatic rollback or not', async ({ world }) => {
  world.runtime.onExec = () =>
    [...world.runtime.specs.values()].some(({ env }) => env.VERSION === '2') ? 1 : 0
  const readiness = { exec: { command: ['ready'] }, period: '20ms', failureThreshold: 1000 }
  await world.apply(specOf({ replicas: 2, update: { autoRollback: false } }, { ...version('1'), readiness }))
  await settle(world, '2/2')
  await world.apply(specOf({ replicas: 2, update: { autoRollback: false } }, { ...version('2'), readiness }))
  await world.until(async () => assert.is((await world.instances()).length, 3))
  await order(world, 'abort', '')
  await world.until(async () => {
    const service = await world.service()
    assert.is(conditionsOf(service).Degraded, 'True RolledBack')
    assert.is((await world.instances()).length, 2)
  })
  assert.equal(new Set((await world.instances()).map(({ spec }) => spec.template.env?.[0]?.value)).size, 1)
})

test('blue and green: the old ones end after their time', async ({ world }) => {
  const spec = { replicas: 2, update: { strategy: 'BlueGreen', blueGreen: { scaleDownDelaySeconds: 1 } } }
  await world.apply(specOf(spec, version('1')))
  await settle(world, '2/2')
  await world.apply(specOf(spec, version('2')))
  await settle(world, '2/2')
  assert.equal(await versions(world), { 2: 2 })
})

test.run()
