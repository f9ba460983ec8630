/** Jobs that a ScaledJob made, and that its cache never shows. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { JobScaler, type JobScalerApi } from '../../../src/controllers/scaledjob/scaler.ts'
import { ManualClock } from '../../../src/core/clock.ts'
import type { ObjectCache } from '../../../src/engine/cache.ts'
import type { ScaledJob } from '../../../src/resources/generated/types.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { compileJobs } from '../../../src/scaling/jobs/compile.ts'
import { steadyTimeline } from '../../../src/scaling/steady.ts'
import { ScalingTimes } from '../../../src/scaling/times.ts'

const OBJECT = {
  apiVersion: 'nsctl.dev/v1alpha1',
  kind: 'ScaledJob',
  metadata: { name: 'thumbs', namespace: 'default', uid: 'u', generation: 1 },
  spec: {
    jobTargetRef: { template: {}, parallelism: 1, completions: 1, backoffLimit: 1 },
    pollingInterval: 1,
    minReplicaCount: 0,
    maxReplicaCount: 1,
    successfulJobsHistoryLimit: 1,
    failedJobsHistoryLimit: 1,
    triggers: [
      {
        type: 'redis',
        metadata: { listName: 'thumbs', address: 'here:6379', listLength: '1' },
        useCachedMetrics: false,
      },
    ],
  },
} as unknown as ScaledJob

/** One piece of work, always; a store whose Jobs no cache shows. */
async function start() {
  const clock = new ManualClock(Date.UTC(2026, 0, 1))
  const made: string[] = []
  const stored = new Set<string>()
  const api = {
    kinds: { byKind: () => ({ withDefaults: (object: AnyResource) => object }) },
    async createOwned(objects: readonly AnyResource[]) {
      for (const { metadata } of objects) {
        made.push(metadata.name)
        stored.add(metadata.name)
      }
    },
    get: async ({ name }: { readonly name: string }) => (stored.has(name) ? OBJECT : undefined),
    updateStatus: async () => {},
    recordEvent: async () => {},
    requestDelete: async () => {},
  } as unknown as JobScalerApi
  const reading = { kind: 'values', metrics: [{ name: '', value: 1 }], active: true } as const
  const scaler = new JobScaler(OBJECT, {
    api,
    cache: { byOwner: () => [], list: () => [] } as unknown as ObjectCache,
    times: new ScalingTimes(clock, steadyTimeline(clock)),
    compile: compileJobs,
    open: async () => ({
      poll: async () => ({ reading, readAtMs: 0, error: undefined, failures: 0 }),
      facts: () => ({ tookMs: 1, code: undefined }),
      close: async () => {},
    }),
    onFailure: (error) => {
      throw error
    },
    random: () => 0.5,
  })
  await scaler.update(OBJECT, undefined, false)
  return { clock, scaler, made, stored }
}

test('one that is there and not seen yet counts, however long that takes', async () => {
  const { clock, scaler, made } = await start()
  for (const afterMs of [0, 1_000, 60_000]) {
    clock.advance(afterMs)
    await scaler.poll()
  }
  assert.equal(made, ['thumbs-1'])
})

test('one that came and went unseen counts no more', async () => {
  const { clock, scaler, made, stored } = await start()
  await scaler.poll()
  stored.clear()
  clock.advance(1_000)
  await scaler.poll()
  assert.equal(made, ['thumbs-1'])
  clock.advance(10_000)
  await scaler.poll()
  assert.equal(made, ['thumbs-1', 'thumbs-2'])
})

test.run()
