/** What is unique leaves a lost node only while nobody has acquired the node's lease. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { FINALIZERS } from '../../../src/api/api.ts'
import { openApi } from '../../../src/api/open.ts'
import { Fencing } from '../../../src/controllers/node/fencing.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { FENCE_FALLEN_MS } from '../../../src/resources/fencing.ts'
import { type AnyResource, API_VERSION } from '../../../src/resources/object.ts'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import type { Transaction } from '../../../src/store/store.ts'

const INSTANCE = {
  apiVersion: API_VERSION,
  kind: 'Instance',
  metadata: { name: 'web-0-x', namespace: 'default', finalizers: [FINALIZERS.runtime] },
  spec: { service: 'web', ordinal: 0, node: 'a', templateHash: 'h', attempt: 0, template: {}, unique: true },
} as unknown as AnyResource

for (const c of [
  { name: 'stood still for long enough', forMs: FENCE_FALLEN_MS, left: 0, outcome: 'settled' },
  { name: 'stood still for too short', forMs: FENCE_FALLEN_MS - 1, left: 1, outcome: 'recheck' },
  {
    name: 'was acquired between the two writes',
    forMs: FENCE_FALLEN_MS,
    acquires: true,
    left: 1,
    outcome: 'settled',
  },
  {
    name: 'was renewed since it was seen',
    forMs: FENCE_FALLEN_MS,
    renews: true,
    left: 1,
    outcome: 'recheck',
  },
])
  test(`a unique instance on a lost node whose lease ${c.name}`, async () => {
    const store = createMemoryStore()
    const api = await openApi({ store, clock: systemClock, ids: randomIds })
    await api.createOwned([INSTANCE])
    await store.commit([
      [
        { kind: 'put', key: 'lease/node/a/holder', value: '{}' },
        { kind: 'put', key: 'lease/node/a/epoch', value: '1' },
      ],
    ])
    const { revision } = (await store.get('lease/node/a/epoch')) ?? { revision: 0 }
    const sight = { record: revision, epoch: revision }
    if (c.renews) await store.commit([[{ kind: 'put', key: 'lease/node/a/holder', value: '{"renewals":1}' }]])
    const voiding = {
      get: (key: string) => store.get(key),
      getMany: (keys: readonly string[]) => store.getMany(keys),
      list: (prefixes: readonly string[]) => store.list(prefixes),
      listKeys: (prefix: string) => store.listKeys(prefix),
      commit: async (transactions: readonly Transaction[]) => {
        const results = await store.commit(transactions)
        if (c.acquires) await store.commit([[{ kind: 'put', key: 'lease/node/a/epoch', value: '3' }]])
        return results
      },
    }
    const there = async () => (await api.list<AnyResource>(api.kinds.byKind('Instance'))).items
    const found = await there()
    const cache = { index: () => ({ get: () => found }) } as unknown as ConstructorParameters<
      typeof Fencing
    >[0]['cache']
    const fencing = new Fencing(
      { cache, api, store: voiding, logger: silentLogger },
      { standing: () => ({ sight, forMs: c.forMs }) },
    )
    assert.is((await fencing.fence('a')).kind, c.outcome)
    assert.is((await there()).length, c.left)
    await api.flush()
  })

test.run()
