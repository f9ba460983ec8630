/** One of nsctl's own kinds in a second version: the same machinery, with nothing but rules to declare. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openApi } from '../../src/api/open.ts'
import { ManualClock } from '../../src/core/clock.ts'
import { randomIds } from '../../src/core/ids.ts'
import type { BuiltInDefinition } from '../../src/resources/definition.ts'
import { BUILT_IN_DEFINITIONS } from '../../src/resources/generated/kinds.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { loadKindRegistry } from '../../src/resources/registry.ts'
import type { JsonSchema } from '../../src/resources/schema.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import { openBench, options, refused, service, storedJson, web } from './support.ts'

/** Services as v1beta1, in which replicas are copies. */
function withBeta(own: BuiltInDefinition): BuiltInDefinition {
  if (own.definition.spec.names.kind !== 'Service') return own
  const { metadata, spec } = own.definition
  const [stored] = spec.versions
  const schema = JSON.parse(own.schemaText) as JsonSchema
  const { replicas, ...others } = schema.properties!.spec!.properties!
  const beta = {
    ...schema,
    properties: {
      ...schema.properties,
      spec: { ...schema.properties!.spec!, properties: { ...others, copies: replicas! } },
    },
  }
  return {
    ...own,
    otherSchemas: { v1beta1: JSON.stringify(beta) },
    definition: {
      metadata,
      spec: {
        ...spec,
        conversion: {
          strategy: 'Declared',
          versions: [
            { version: 'v1beta1', rules: [{ move: { from: '.spec.copies', to: '.spec.replicas' } }] },
          ],
        },
        versions: [stored!, { ...stored!, name: 'v1beta1', storage: false }],
      },
    },
  }
}

test('a Service that was stored before is read, merged and written in each of two versions', async () => {
  const store = createMemoryStore()
  const { api: before } = await openBench(store)
  await before.apply([service('web', { replicas: 2 })], options)
  await before.scale(web, 3, options)
  const api = await openApi({
    store,
    clock: new ManualClock(),
    ids: randomIds,
    loadKinds: (definitions) => loadKindRegistry(definitions, BUILT_IN_DEFINITIONS.map(withBeta)),
  })
  const shown = (await api.get(web)) as AnyResource
  assert.is(shown.apiVersion, 'nsctl.dev/v1beta1', 'the preferred version')
  assert.is(shown.spec?.copies, 3)
  assert.is((await api.history(web))[0]?.revision, 1)
  const said = {
    ...service('web').object,
    apiVersion: 'nsctl.dev/v1beta1',
    spec: { ...shown.spec, copies: 5 },
  }
  const [result] = (await api.apply([{ object: said, source: 'web.yaml' }], options)).results
  assert.equal(result?.changes, [{ path: ['spec', 'copies'], from: 3, to: 5 }])
  const stored = (await storedJson(store, 'obj/nsctl.dev/services/default/web')) as unknown as AnyResource
  assert.equal([stored.apiVersion, stored.spec?.replicas], ['nsctl.dev/v1alpha1', 5])
  const old = (await api.get({ ...web, version: 'v1alpha1' })) as AnyResource
  assert.is(old.spec?.replicas, 5)
  const wrong = { ...said, spec: { ...said.spec, revisionHistoryLimit: -1 } }
  await refused('Invalid', () => api.apply([{ object: wrong, source: 'web.yaml' }], options))
  await api.rollback({ ...web, version: 'v1alpha1' }, { ...options, toRevision: 1 })
  assert.equal((await before.get(web))?.spec, (await api.get({ ...web, version: 'v1alpha1' }))?.spec)
})

test.run()
