/** A store with something under every kind of key that nsctl writes, for two nodes whose names begin alike. */
import { openApi } from '../../src/api/open.ts'
import { systemClock } from '../../src/core/clock.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { acquireLease, thisProcess } from '../../src/store/lease.ts'
import type { Store } from '../../src/store/store.ts'
import { instance, manifest, options, service } from '../api/support.ts'

/** The one whose credential is tried, and two beside whom it must not reach. */
export const NODES = ['n1', 'n10', 'n1.example'] as const

const sealed = {
  token: { version: 'v1', value: '-----BEGIN AGE ENCRYPTED FILE-----\n-----END AGE ENCRYPTED FILE-----\n' },
}

export async function fillStore(store: Store): Promise<void> {
  const api = await openApi({ store, clock: systemClock, ids: randomIds })
  const scaled = manifest(
    'ScaledObject',
    { name: 'web' },
    {
      spec: {
        scaleTargetRef: { name: 'web' },
        triggers: [
          {
            type: 'cron',
            metadata: { timezone: 'UTC', start: '0 8 * * *', end: '0 18 * * *', desiredReplicas: '2' },
          },
        ],
      },
    },
  )
  await api.apply(
    [service('web'), manifest('Config', { name: 'settings' }, { spec: { data: { a: 'b' } } }), scaled],
    options,
  )
  await api.patch(
    { kind: 'Service', namespace: 'default', name: 'web' },
    'merge',
    { spec: { replicas: 3 } },
    options,
  )
  for (const node of NODES) {
    await api.ensure(manifest('Node', { name: node }, { spec: {} }).object)
    await api.updateStatus({ kind: 'Node', name: node }, { phase: 'Ready' })
    const name = `web-0-${node.replaceAll('.', '-')}`
    await api.createOwned([instance(name, node), delivery(node), volume(node)])
    await api.updateStatus({ kind: 'Instance', namespace: 'default', name }, { phase: 'Running' })
    await api.recordEvent({
      about: { kind: 'Node', name: node },
      type: 'Normal',
      reason: 'Ready',
      message: `${node} is ready`,
      source: 'test',
    })
    const agent = await openApi({ store, clock: systemClock, ids: randomIds, node })
    await agent.recordEvent({
      about: { kind: 'Node', name: node },
      type: 'Normal',
      reason: 'Ran',
      message: `${node} ran`,
      source: 'agent',
    })
    await agent.flush()
    await lease(store, `node/${node}`)
  }
  await api.flush()
  await lease(store, 'leader')
  await store.commit([[{ kind: 'put', key: 'history/web/1', value: '{}' }]])
}

async function lease(store: Store, name: string): Promise<void> {
  const held = await acquireLease(store, {
    name,
    ttlMs: 60_000,
    holder: thisProcess({}),
    clock: systemClock,
    signal: new AbortController().signal,
  })
  await held.release()
}

function delivery(node: string): AnyResource {
  const name = `secret-${node.replaceAll('.', '-')}`
  const spec = { node, kind: 'Secret', name: 'db', version: 'v1', sealed }
  return manifest('Delivery', { name, namespace: 'default' }, { spec }).object
}

function volume(node: string): AnyResource {
  const name = `data-web-${node.replaceAll('.', '-')}`
  return manifest(
    'Volume',
    { name, namespace: 'default' },
    { spec: { node, service: 'web', volume: 'data', ordinal: 0 } },
  ).object
}

/** The first steps of keys that nsctl writes: what is filled must have them all. */
export const FIRST_STEPS = [
  'applied',
  'at',
  'audit',
  'claim',
  'event',
  'history',
  'lease',
  'node',
  'obj',
  'objstatus',
  'rev',
] as const
