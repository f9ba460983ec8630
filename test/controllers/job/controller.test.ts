import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonObject } from '../../../src/core/json.ts'
import type { Instance, Job } from '../../../src/resources/generated/types.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { type ProgramExit, programKey } from '../../../src/runtimes/runtime.ts'
import { startWorld, type World } from '../world.ts'

const test = suite<{ world: World }>('job')
test.before.each(async (context) => {
  context.world = await startWorld()
})
test.after.each(async ({ world }) => world.stop())

const ref = { kind: 'Job', namespace: 'default', name: 'load' }
const done: ProgramExit = { reason: 'success', exitCode: 0, atMs: 1 }
const crash: ProgramExit = { reason: 'exit-code', exitCode: 3, atMs: 1 }

async function apply(world: World, spec: JsonObject = {}): Promise<void> {
  const template = { source: { command: ['/usr/bin/env', 'true'], workingDir: '/' } }
  const object = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Job',
    metadata: { name: 'load' },
    spec: { template, ...spec },
  } as AnyResource
  await world.api.apply([{ object, source: 'test' }], { actor: { name: 'test' } })
}

async function job(world: World): Promise<Job> {
  const found = await world.api.get<Job>(ref)
  assert.ok(found)
  return found as Job
}

function conditions({ status }: Job): Record<string, string> {
  return Object.fromEntries(
    (status?.conditions ?? []).map(({ type, status, reason }) => [type, `${status} ${reason}`]),
  )
}

test('runs once, to its end, and is never started again', async ({ world }) => {
  await apply(world)
  const [instance] = await world.until(async () => {
    const found = await world.instances()
    assert.is(found[0]?.status?.phase, 'Running')
    return found as readonly [Instance]
  })
  assert.is(instance.spec.job, 'load')
  const [spec] = world.runtime.specs.values()
  assert.ok(spec)
  assert.is(spec.restart, 'never')
  world.runtime.end(programKey(spec.id), done)
  const ended = await world.until(async () => {
    const found = await job(world)
    assert.is(conditions(found).Complete, 'True Succeeded')
    return found
  })
  assert.is(ended.status?.completionsText, '1/1')
  assert.ok(ended.status?.completionTime)
  await world.until(() => assert.is(world.runtime.observe().size, 0, 'the runtime forgets what is recorded'))
  await world.restart()
  await world.until(async () => assert.is((await world.instances())[0]?.status?.phase, 'Succeeded'))
  assert.is(world.runtime.calls.filter((call) => call.startsWith('start')).length, 1)
  assert.ok((await world.events()).some((event) => event.startsWith('Completed: done after')))
})

test('fails when its tries are used up, with the reason of the last', async ({ world }) => {
  world.runtime.onStart = () => crash
  await apply(world, { backoffLimit: 0 })
  const failed = await world.until(async () => {
    const found = await job(world)
    assert.is(conditions(found).Failed, 'True BackoffLimitExceeded')
    return found
  })
  assert.match(
    failed.status?.summary ?? '',
    /^BackoffLimitExceeded: its run has failed: load-0-\w{5} exits with 3$/,
  )
  assert.is((await world.instances()).length, 1, 'what failed stays to be looked at')
})

test('a program that is not there fails the run for good', async ({ world }) => {
  const template = { source: { command: ['/no/such/program'], workingDir: '/' } }
  await apply(world, { backoffLimit: 0, template })
  await world.until(async () => {
    const found = await job(world)
    assert.match(found.status?.summary ?? '', /BackoffLimitExceeded.*\/no\/such\/program is not there/)
  })
})

test('runs several, and the next as one ends', async ({ world }) => {
  await apply(world, { parallelism: 2, completions: 3 })
  await world.until(() => assert.is(world.runtime.running().length, 2))
  const [first] = world.runtime.specs.keys()
  world.runtime.end(first as string, done)
  await world.until(() => assert.is(world.runtime.specs.size, 3))
  for (const key of world.runtime.specs.keys()) world.runtime.end(key, done)
  await world.until(async () => assert.is((await job(world)).status?.completionsText, '3/3'))
  assert.is((await world.instances()).length, 3)
})

test('a failed run that is deleted stays counted', async ({ world }) => {
  await apply(world, { parallelism: 2, completions: 2, backoffLimit: 1 })
  await world.until(() => assert.is(world.runtime.running().length, 2))
  const [first, second] = [...world.runtime.specs.keys()] as [string, string]
  world.runtime.end(first, crash)
  const failed = await world.until(async () => {
    const found = (await world.instances()).find(({ status }) => status?.phase === 'Failed')
    assert.ok(found)
    return found
  })
  await world.api.delete(
    { kind: 'Instance', namespace: 'default', name: failed.metadata.name },
    { actor: { name: 'test' } },
  )
  await world.until(async () => assert.is((await world.instances()).length, 1))
  assert.is((await job(world)).status?.failed, 1)
  await world.restart()
  world.runtime.end(second, crash)
  const over = await world.until(async () => {
    const found = await job(world)
    assert.is(conditions(found).Failed, 'True BackoffLimitExceeded')
    return found
  })
  assert.match(over.status?.summary ?? '', /2 runs have failed/)
  // what is counted is held no longer, and noted no longer
  await world.until(async () => assert.is((await job(world)).status?.counted, undefined))
  assert.equal((await world.instances())[0]?.metadata.finalizers, ['nsctl.dev/runtime'])
})

test('runs that a Job leaves behind are not held', async ({ world }) => {
  await apply(world)
  await world.until(() => assert.is(world.runtime.running().length, 1))
  await world.api.delete(ref, { actor: { name: 'test' }, cascade: 'orphan' })
  await world.until(async () => {
    const { metadata } = (await world.instances())[0] ?? {}
    assert.not.ok(metadata?.finalizers?.includes('nsctl.dev/job'))
  })
})

test('ends what runs when its time is up', async ({ world }) => {
  await apply(world, { activeDeadlineSeconds: 1 })
  await world.until(() => assert.is(world.runtime.running().length, 1))
  await world.until(async () => assert.is(conditions(await job(world)).Failed, 'True DeadlineExceeded'))
  await world.until(() => assert.is(world.runtime.running().length, 0))
})

test('is removed some time after its end, where it says so', async ({ world }) => {
  world.runtime.onStart = () => done
  await apply(world, { ttlSecondsAfterFinished: 0 })
  await world.until(async () => assert.is(await world.api.get(ref), undefined))
  await world.until(async () => assert.equal(await world.instances(), []))
})

test('deleting it ends its runs', async ({ world }) => {
  await apply(world)
  await world.until(() => assert.is(world.runtime.running().length, 1))
  await world.api.delete(ref, { actor: { name: 'test' } })
  await world.until(async () => assert.is(await world.api.get(ref), undefined))
  assert.is(world.runtime.running().length, 0)
})

test('a Service of the same name has nothing to do with it', async ({ world }) => {
  await apply(world)
  await world.until(() => assert.is(world.runtime.running().length, 1))
  await world.apply(
    { replicas: 1, template: { source: { command: ['/usr/bin/env', 'true'], workingDir: '/' } } },
    'load',
  )
  await world.until(() => assert.is(world.runtime.running().length, 2))
  assert.is((await world.service('load'))?.status?.ready, '1/1')
})

test.run()
