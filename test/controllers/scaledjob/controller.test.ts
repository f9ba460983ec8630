import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { scaledJobController } from '../../../src/controllers/scaledjob/controller.ts'
import { systemClock } from '../../../src/core/clock.ts'
import type { JsonObject } from '../../../src/core/json.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import type { Job, ScaledJob } from '../../../src/resources/generated/types.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import type { ProgramExit } from '../../../src/runtimes/runtime.ts'
import type { TriggerInput } from '../../../src/scaling/decision.ts'
import { compileJobs } from '../../../src/scaling/jobs/compile.ts'
import { steadyTimeline } from '../../../src/scaling/steady.ts'
import { ScalingTimes } from '../../../src/scaling/times.ts'
import type { OpenTrigger } from '../../../src/scaling/trigger.ts'
import { startWorld, type World } from '../world.ts'

const actor = { name: 'test' }
const ref = { kind: 'ScaledJob', namespace: 'default', name: 'thumbs' }

/** A queue that all triggers look at. */
interface Queue {
  value: number
  error: string | undefined
  looks: number
  /** Names of triggers, each time that one is opened. */
  readonly opened: string[]
  /** What closing a trigger fails with, once. */
  closeError: Error | undefined
  readonly listeners: Set<(input: TriggerInput) => void>
}

function readingOf({ value, error }: Queue): TriggerInput {
  if (error !== undefined) return { reading: undefined, readAtMs: undefined, error, failures: 1 }
  const reading = { kind: 'values', metrics: [{ name: '', value }], active: value > 0 } as const
  return { reading, readAtMs: 0, error: undefined, failures: 0 }
}

interface Context {
  world: World
  queue: Queue
}
const test = suite<Context>('scaledjob')
test.before.each(async (context) => {
  const queue: Queue = {
    value: 0,
    error: undefined,
    looks: 0,
    opened: [],
    closeError: undefined,
    listeners: new Set(),
  }
  const open: OpenTrigger = async ({ key }) => {
    queue.opened.push(key)
    return {
      async poll() {
        queue.looks++
        return readingOf(queue)
      },
      facts: () => ({ tookMs: 1, code: undefined }),
      async listen(listener, signal) {
        queue.listeners.add(listener)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      },
      async close() {
        const error = queue.closeError
        queue.closeError = undefined
        if (error !== undefined) throw error
      },
    }
  }
  context.queue = queue
  context.world = await startWorld(systemClock, silentLogger, undefined, (manager, api) => {
    const { controller, runnable } = scaledJobController({
      ...{ api, cache: manager.cache, clock: systemClock, logger: silentLogger, open },
      compile: compileJobs,
      times: new ScalingTimes(systemClock, steadyTimeline(systemClock)),
      random: Math.random,
      caughtUp: () => true,
      isSupported: (type) => type !== 'couchdb',
    })
    manager.add(controller)
    manager.addRunnable(runnable)
  })
})
test.after.each(async ({ world }) => world.stop())

const template = { source: { command: ['/usr/bin/env', 'true'], workingDir: '/' } }
const trigger = { type: 'redis', metadata: { listName: 'thumbs', address: 'here:6379', listLength: '1' } }

async function apply(world: World, spec: JsonObject = {}, annotations: JsonObject = {}): Promise<void> {
  const object = {
    apiVersion: 'keda.sh/v1alpha1',
    kind: 'ScaledJob',
    metadata: { name: 'thumbs', annotations },
    spec: { jobTargetRef: { template }, pollingInterval: 1, triggers: [trigger], ...spec },
  } as unknown as AnyResource
  await world.api.apply([{ object, source: 'test' }], { actor })
}

function document(kind: string, name: string, spec: JsonObject): AnyResource {
  return { apiVersion: 'nsctl.dev/v1alpha1', kind, metadata: { name }, spec } as AnyResource
}

async function jobs({ api }: World): Promise<readonly Job[]> {
  return (await api.list(api.kinds.byKind('Job'))).items as unknown as readonly Job[]
}

async function status({ api }: World): Promise<ScaledJob['status']> {
  return (await api.get<ScaledJob>(ref))?.status
}

function endAll(
  { runtime }: World,
  exit: Omit<ProgramExit, 'atMs'> = { reason: 'success', exitCode: 0 },
): void {
  for (const [key, seen] of runtime.observe())
    if (seen.state === 'running') runtime.end(key, { ...exit, atMs: Date.now() })
}

test('its Jobs are placed as it says', async ({ world, queue }) => {
  queue.value = 1
  const placement = { nodeSelector: { pool: 'batch' }, tolerations: [{ key: 'spot', operator: 'Exists' }] }
  await apply(world, { jobTargetRef: { template, placement } })
  await world.until(async () => {
    const [job] = await jobs(world)
    assert.equal(job?.spec.placement, { strategy: 'spread', ...placement })
    // no node is in that pool
    assert.match(job?.status?.summary ?? '', /^Unschedulable: 0\/1 nodes/)
  })
})

test('makes a Job for each piece of work, runs them, and says so', async ({ world, queue }) => {
  queue.value = 3
  await apply(world)
  await world.until(() => assert.is(world.runtime.running().length, 3))
  const found = await world.until(async () => {
    const now = await status(world)
    assert.is(now?.running, 3)
    assert.is(now?.pending, 0)
    return now
  })
  assert.is(found?.created, 3)
  assert.is(found?.activeText, 'yes')
  assert.equal((await jobs(world)).map(({ metadata }) => metadata.name).sort(), [
    'thumbs-1',
    'thumbs-2',
    'thumbs-3',
  ])
  assert.ok((await world.events()).includes('JobsCreated: made 3 Jobs: 3 wanted, 0 running'))
})

test('makes no more while those that run are enough, and goes on as they end', async ({ world, queue }) => {
  queue.value = 2
  await apply(world)
  await world.until(() => assert.is(world.runtime.running().length, 2))
  const looks = queue.looks
  await world.until(() => assert.ok(queue.looks >= looks + 2))
  assert.is((await jobs(world)).length, 2)
  endAll(world)
  await world.until(async () => assert.is((await jobs(world)).length, 4))
})

test('an event makes Jobs at once', async ({ world, queue }) => {
  await apply(world, { pollingInterval: 3600 })
  await world.until(() => assert.is(queue.listeners.size, 1))
  queue.value = 2
  for (const listener of queue.listeners) listener(readingOf(queue))
  // one more before anybody has heard of the first two
  for (const listener of queue.listeners) listener(readingOf(queue))
  await world.until(() => assert.is(world.runtime.running().length, 2))
  assert.is((await jobs(world)).length, 2)
})

test('keeps only so many that have ended', async ({ world, queue }) => {
  world.runtime.onStart = () => ({ reason: 'success', exitCode: 0, atMs: Date.now() })
  queue.value = 3
  await apply(world, { successfulJobsHistoryLimit: 1, maxReplicaCount: 3 })
  await world.until(async () => assert.ok(((await status(world))?.created ?? 0) >= 6))
  queue.value = 0
  await world.until(async () => assert.is((await jobs(world)).length, 1))
})

test('a change of it ends the Jobs of before', async ({ world, queue }) => {
  queue.value = 1
  await apply(world)
  await world.until(() => assert.is(world.runtime.running().length, 1))
  await apply(world, { maxReplicaCount: 7 })
  await world.until(async () => {
    assert.equal(
      (await jobs(world)).map(({ metadata }) => metadata.name),
      ['thumbs-2'],
    )
    assert.is(world.runtime.running().length, 1)
  })
})

test('with a gradual rollout the Jobs of before may finish', async ({ world, queue }) => {
  queue.value = 1
  await apply(world, { rollout: { strategy: 'gradual' } })
  await world.until(() => assert.is(world.runtime.running().length, 1))
  await apply(world, { rollout: { strategy: 'gradual' }, maxReplicaCount: 7 })
  const looks = queue.looks
  await world.until(() => assert.ok(queue.looks >= looks + 2))
  assert.equal(
    (await jobs(world)).map(({ metadata }) => metadata.name),
    ['thumbs-1'],
  )
})

test('paused it makes none', async ({ world, queue }) => {
  queue.value = 4
  await apply(world, {}, { 'autoscaling.keda.sh/paused': 'true' })
  await world.until(async () => assert.is((await status(world))?.activeText, 'paused'))
  assert.equal(await jobs(world), [])
  await apply(world)
  await world.until(() => assert.is(world.runtime.running().length, 4))
})

test('a trigger that cannot be read makes none, and is told', async ({ world, queue }) => {
  queue.value = 4
  queue.error = 'connection refused'
  await apply(world)
  await world.until(async () => {
    const ready = (await status(world))?.conditions?.find(({ type }) => type === 'Ready')
    assert.is(ready?.reason, 'TriggerError')
    assert.match(ready?.message ?? '', /connection refused/)
  })
  assert.equal(await jobs(world), [])
})

for (const [name, spec, reason] of [
  [
    'a container image',
    { jobTargetRef: { template: { spec: { containers: [{ name: 'a', image: 'b' }] } } } },
    'UnsupportedImage',
  ],
  ['an unknown trigger', { triggers: [{ type: 'couchdb', metadata: {} }] }, 'UnsupportedTrigger'],
] as const)
  test(`${name} is stored and says that it cannot act`, async ({ world }) => {
    await apply(world, spec as unknown as JsonObject)
    await world.until(async () =>
      assert.match((await status(world))?.summary ?? '', new RegExp(`^${reason}: `)),
    )
  })

test('deleting it ends its Jobs', async ({ world, queue }) => {
  queue.value = 2
  await apply(world)
  await world.until(() => assert.is(world.runtime.running().length, 2))
  await world.api.delete(ref, { actor })
  await world.until(async () => {
    assert.is(await world.api.get(ref), undefined)
    assert.equal(await jobs(world), [])
  })
  assert.is(world.runtime.running().length, 0)
})

test('new credentials are taken in, also where the first attempt at it fails', async ({ world, queue }) => {
  const config = (password: string) => document('Config', 'broker', { data: { password } })
  const login = { configMapTargetRef: [{ parameter: 'password', name: 'broker', key: 'password' }] }
  const [plain, authenticated] = [
    { ...trigger, name: 'plain' },
    { ...trigger, name: 'authenticated', authenticationRef: { name: 'broker' } },
  ]
  const spec = (...triggers: JsonObject[]) => ({ jobTargetRef: { template }, pollingInterval: 1, triggers })
  const put = (...objects: AnyResource[]) =>
    world.api.apply(
      objects.map((object) => ({ object, source: 'test' })),
      { actor },
    )
  await put(
    config('one'),
    document('TriggerAuthentication', 'broker', login),
    document('ScaledJob', 'thumbs', spec(plain, authenticated)),
  )
  await world.until(() => assert.equal([...queue.opened].sort(), ['authenticated', 'plain']))
  queue.closeError = new Error('it does not close')
  await put(config('two'), document('ScaledJob', 'thumbs', spec(authenticated)))
  await world.until(() => assert.equal(queue.opened.slice(2), ['authenticated']))
})

test('a successor goes on, and numbers no Job twice', async ({ world, queue }) => {
  queue.value = 2
  await apply(world)
  await world.until(() => assert.is(world.runtime.running().length, 2))
  await world.restart()
  const looks = queue.looks
  await world.until(() => assert.ok(queue.looks >= looks + 2))
  assert.is((await jobs(world)).length, 2)
  endAll(world)
  await world.until(async () => assert.is((await jobs(world)).length, 4))
})

test('no more Jobs than a quota counts, and more once it is raised', async ({ world, queue }) => {
  const { api } = world
  const quota = (most: number) =>
    api.apply(
      [{ object: document('ResourceQuota', 'team', { hard: { 'count/jobs': most } }), source: 'test' }],
      { actor },
    )
  await quota(2)
  queue.value = 5
  await apply(world)
  const looks = queue.looks
  await world.until(async () => {
    assert.ok(queue.looks >= looks + 3)
    assert.is((await jobs(world)).length, 2)
  })
  assert.ok(
    (await world.events()).includes(
      'QuotaExceeded: resourcequota/team: count/jobs 0 of 2 used, 5 more asked for',
    ),
    (await world.events()).join('\n'),
  )
  await quota(4)
  await world.until(async () => assert.is((await jobs(world)).length, 4))
})

test.run()
