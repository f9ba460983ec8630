import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { ResourceBatch, ResourceReader } from '../../src/api/api.ts'
import { follow, followKey, waitUntil } from '../../src/client/follow.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { type AnyResource, refOfObject } from '../../src/resources/object.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'

const kinds = [createKindRegistry().byKind('Service')]

function object(name: string, resourceVersion: number): AnyResource {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name, namespace: 'a', resourceVersion: String(resourceVersion) },
  }
}

const put = (name: string, version: number) =>
  ({
    kind: 'put',
    object: object(name, version),
    ref: refOfObject(object(name, version)),
    revision: version,
  }) as const
const gone = (name: string, version: number) =>
  ({ kind: 'delete', ref: refOfObject(object(name, version)), revision: version }) as const

/** A reader that answers its lists one after the other, and between them the batches of one watch each. */
function scriptedReader(
  lists: readonly (readonly AnyResource[])[],
  watches: readonly (readonly ResourceBatch[])[],
): ResourceReader {
  let at = 0
  return {
    listAll: async () => ({ lists: [lists[Math.min(at, lists.length - 1)] ?? []], revision: at }),
    async *watch(_kinds: unknown, _from: number, signal: AbortSignal): AsyncGenerator<ResourceBatch> {
      for (const batch of watches[at++] ?? []) yield batch
      if (watches[at - 1]?.at(-1)?.kind === 'relist' || signal.aborted) return
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
    },
  } as unknown as ResourceReader
}

test('follow lists, then tells changes, and after a relist what that changed', async () => {
  const reader = scriptedReader(
    [
      [object('web', 1), object('mail', 1)],
      [object('mail', 1), object('new', 5), object('web', 6)],
    ],
    [
      [
        { kind: 'changes', changes: [put('web', 2), put('tmp', 3)], revision: 3 },
        { kind: 'relist', revision: 7 },
      ],
    ],
  )
  const stop = new AbortController()
  const seen: string[] = []
  for await (const { objects, changes, isListed } of follow(reader, kinds, stop.signal)) {
    seen.push(
      `${isListed ? 'list' : 'watch'}: ${changes.map((change) => `${change.kind} ${change.ref.name}`).join(', ')} → ${objects.size}`,
    )
    if (seen.length === 3) stop.abort()
  }
  assert.equal(seen, [
    'list: put web, put mail → 2',
    'watch: put web, put tmp → 3',
    'list: put new, put web, delete tmp → 3',
  ])
})

test('whatever is listed and changed, the changes of follow lead to what is there', async () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd')
  const listing = fc.uniqueArray(fc.record({ name: names, version: fc.nat(3) }), {
    selector: ({ name }) => name,
  })
  const change = fc.record({ name: names, version: fc.nat(9), isGone: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(listing, fc.array(change), listing, async (first, changes, second) => {
      const toObjects = (list: typeof first) => list.map(({ name, version }) => object(name, version))
      const batch: ResourceBatch = {
        kind: 'changes',
        changes: changes.map(({ name, version, isGone }) =>
          isGone ? gone(name, version) : put(name, version),
        ),
        revision: 1,
      }
      const reader = scriptedReader(
        [toObjects(first), toObjects(second)],
        [[batch, { kind: 'relist', revision: 2 }]],
      )
      const stop = new AbortController()
      const mirror = new Map<string, string | undefined>()
      let steps = 0
      for await (const state of follow(reader, kinds, stop.signal)) {
        for (const one of state.changes) {
          if (one.kind === 'put') mirror.set(followKey(one.ref), one.object.metadata.resourceVersion)
          else mirror.delete(followKey(one.ref))
        }
        const there = [...state.objects].map(([key, one]) => [key, one.metadata.resourceVersion] as const)
        assert.equal(new Map([...mirror].sort()), new Map(there.sort()))
        if (++steps === 3) stop.abort()
      }
      assert.is(mirror.size, second.length)
    }),
    { numRuns: 100 },
  )
})

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

function wait<T>(
  judge: (objects: ReadonlyMap<string, AnyResource>) => T | undefined,
  more: { reader?: ResourceReader; timeoutMs?: number; tickMs?: number; signal?: AbortSignal } = {},
) {
  const clock = new ManualClock()
  const result = waitUntil(
    {
      reader: scriptedReader(
        [[object('web', 1)]],
        [[{ kind: 'changes', changes: [put('web', 2)], revision: 2 }]],
      ),
      kinds,
      clock,
      signal: new AbortController().signal,
      timeoutMs: 1_000,
      ...more,
    },
    judge,
  )
  return { clock, result }
}

const versionOf = (objects: ReadonlyMap<string, AnyResource>) =>
  objects.get('Service a/web')?.metadata.resourceVersion

test('waitUntil ends with the first answer', async () => {
  const { result } = wait((objects) => (versionOf(objects) === '2' ? 'there' : undefined))
  assert.is(await result, 'there')
})

test('waitUntil gives up after its time, by the monotonic clock', async () => {
  const { clock, result } = wait(() => undefined)
  await settle()
  clock.jumpWall(3_600_000)
  await settle()
  let isOver = false
  void result.then(() => {
    isOver = true
  })
  clock.advance(999)
  await settle()
  assert.not(isOver)
  clock.advance(1)
  assert.is(await result, undefined)
})

test('waitUntil asks again with every tick', async () => {
  let asked = 0
  const { clock, result } = wait(() => (++asked > 4 ? asked : undefined), { tickMs: 100 })
  await settle()
  for (let i = 0; i < 5; i++) clock.advance(100)
  assert.is(await result, 5)
})

test('waitUntil with a time of 0 looks once', async () => {
  let asked = 0
  const { result } = wait(() => void asked++, { timeoutMs: 0 })
  assert.is(await result, undefined)
  assert.is(asked, 1)
})

test('waitUntil throws what the judge throws, what the store throws, and the reason of its signal', async () => {
  const message = async (promise: Promise<unknown>) =>
    promise.then(
      () => 'resolved',
      (error: Error) => error.message,
    )
  const failing = wait(() => {
    throw new Error('judge')
  })
  assert.is(await message(failing.result), 'judge')
  const reader = { listAll: async () => Promise.reject(new Error('store')) } as unknown as ResourceReader
  assert.is(await message(wait(() => undefined, { reader }).result), 'store')
  const stop = new AbortController()
  const stopped = wait(() => undefined, { signal: stop.signal })
  await settle()
  stop.abort(new Error('stopped'))
  assert.is(await message(stopped.result), 'stopped')
})

test.run()
