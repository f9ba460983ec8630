/** An api over a store of its own, and manifests to apply to it. */
import type { Actor, Manifest, ResourceApi } from '../../src/api/api.ts'
import { openApi } from '../../src/api/open.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { Json } from '../../src/core/json.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Store } from '../../src/store/store.ts'

export const actor: Actor = { name: 'ada', from: 'file web.yaml' }

export interface Bench {
  readonly api: ResourceApi
  readonly store: Store
  readonly clock: ManualClock
}

export async function openBench(store: Store = createMemoryStore()): Promise<Bench> {
  const clock = new ManualClock()
  return { api: await openApi({ store, clock, ids: randomIds }), store, clock }
}

/** A Service's document; `spec` is merged over the least that one needs. */
export function service(name: string, spec: Record<string, unknown> = {}, metadata: object = {}): Manifest {
  return manifest(
    'Service',
    { name, ...metadata },
    { spec: { template: { source: { command: ['true'] } }, ...spec } },
  )
}

export function manifest(kind: string, metadata: object, rest: object = {}): Manifest {
  const object = { apiVersion: 'nsctl.dev/v1alpha1', kind, metadata, ...rest } as unknown as AnyResource
  return { object, source: 'web.yaml' }
}

export const web = { kind: 'Service', namespace: 'default', name: 'web' } as const

/** Everything that is stored, by key. */
export async function dump(store: Store): Promise<Record<string, Json>> {
  const { entries } = await store.list([''])
  return Object.fromEntries(
    entries.map(({ key, value }) => [key, key.startsWith('at/') ? value : JSON.parse(value)]),
  )
}
