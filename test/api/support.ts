/** An api over a store of its own, and manifests to apply to it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Wanted } from '../../src/api/admission/identify.ts'
import type { Actor, Manifest, ResourceApi } from '../../src/api/api.ts'
import { lastWanted } from '../../src/api/applied.ts'
import { storedOf } from '../../src/api/codec.ts'
import { appliedKey, objectKey } from '../../src/api/keys.ts'
import { openApi } from '../../src/api/open.ts'
import { ManualClock, systemClock } from '../../src/core/clock.ts'
import { type ErrorCode, isNsctlError, type NsctlError } from '../../src/core/errors.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { Json } from '../../src/core/json.ts'
import { silentLogger } from '../../src/core/logger.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { openSqliteStore } from '../../src/store/sqlite/store.ts'
import type { Store, Transaction } from '../../src/store/store.ts'

export const actor: Actor = { name: 'ada', from: 'file web.yaml' }
export const options = { actor } as const
export const web = { kind: 'Service', namespace: 'default', name: 'web' } as const

export interface Bench {
  readonly api: ResourceApi
  readonly store: Store
  readonly clock: ManualClock
}

export async function openBench(store: Store = createMemoryStore()): Promise<Bench> {
  const clock = new ManualClock()
  return { api: await openApi({ store, clock, ids: randomIds }), store, clock }
}

/** The stores that whatever depends on the store is tested over. */
export const STORES: readonly {
  readonly name: string
  readonly use: (run: (store: Store) => Promise<void>) => Promise<void>
}[] = [
  { name: 'memory', use: (run) => run(createMemoryStore()) },
  {
    name: 'sqlite',
    async use(run) {
      const folder = await mkdtemp(join(tmpdir(), 'nsctl-api-'))
      const store = await openSqliteStore({
        path: join(folder, 'store.db'),
        clock: systemClock,
        logger: silentLogger,
      })
      try {
        await run(store)
      } finally {
        await store.close()
        await rm(folder, { recursive: true, force: true })
      }
    },
  },
]

/** A store that does something before each commit. */
export function beforeCommits(
  store: Store,
  hook: (transactions: readonly Transaction[]) => Promise<void>,
): Store {
  const wrapped: Partial<Store> = {
    async commit(transactions) {
      await hook(transactions)
      return store.commit(transactions)
    },
  }
  return new Proxy(store, {
    get(target, key) {
      const value = key in wrapped ? wrapped[key as keyof Store] : target[key as keyof Store]
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    },
  })
}

/** A Service's document; `spec` is put over the least that one needs. */
export function service(name: string, spec: Record<string, unknown> = {}, metadata: object = {}): Manifest {
  return manifest(
    'Service',
    { name, ...metadata },
    { spec: { template: { source: { command: ['true'] } }, ...spec } },
  )
}

export function manifest(kind: string, metadata: object, rest: object = {}, source = 'web.yaml'): Manifest {
  const object = { apiVersion: 'nsctl.dev/v1alpha1', kind, metadata, ...rest } as unknown as AnyResource
  return { object, source }
}

/** An Instance as the control plane makes one. */
export function instance(name: string, node = 'alpha', metadata: object = {}): AnyResource {
  return manifest(
    'Instance',
    { name, namespace: 'default', ...metadata },
    { spec: { service: 'web', ordinal: 0, node, templateHash: 'hhhhhhhhhh', attempt: 0, template: {} } },
  ).object
}

/** A CustomResourceDefinition of kind Widget with a size from 1 to 10, 1 by default. */
export function widgetDefinition(maximum = 10): Manifest {
  return manifest(
    'CustomResourceDefinition',
    { name: 'widgets.example.org' },
    {
      spec: {
        group: 'example.org',
        scope: 'Namespaced',
        names: { kind: 'Widget', plural: 'widgets' },
        versions: [
          {
            name: 'v1',
            schema: {
              openAPIV3Schema: {
                type: 'object',
                properties: {
                  spec: {
                    type: 'object',
                    properties: { size: { type: 'integer', minimum: 1, maximum, default: 1 } },
                  },
                },
              },
            },
          },
        ],
      },
    },
  )
}

export function widget(name: string, spec: object = {}): Manifest {
  const object = { apiVersion: 'example.org/v1', kind: 'Widget', metadata: { name }, spec }
  return { object: object as unknown as AnyResource, source: 'widget.yaml' }
}

/** The error that `run` is refused with; fails where it is not, or with another code. */
export async function refused(code: ErrorCode, run: () => Promise<unknown>): Promise<NsctlError> {
  try {
    await run()
  } catch (error) {
    if (isNsctlError(error, code)) return error
    throw error
  }
  throw new Error(`it went through, and should have been refused with ${code}`)
}

/** Every key that is stored. */
export async function keysOf(store: Store, prefix = ''): Promise<readonly string[]> {
  return store.listKeys(prefix)
}

export async function storedJson(store: Store, key: string): Promise<Json | undefined> {
  const entry = await store.get(key)
  return entry && JSON.parse(entry.value)
}

/** What the manifest that was applied to a service last wanted, wherever it is kept. */
export async function lastApplied(api: ResourceApi, store: Store, name = 'web'): Promise<Wanted | undefined> {
  const kind = api.kinds.byKind('Service')
  const target = { kind, namespace: 'default', name }
  const entry = await store.get(objectKey(target))
  return entry && lastWanted(kind, storedOf(entry), await store.get(appliedKey(target)))
}
