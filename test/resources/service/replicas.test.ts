import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { MOST_REPLICAS } from '../../../src/resources/service/replicas.ts'

test('as many as the schema allows', () => {
  const { schema } = createKindRegistry().byKind('Service')
  assert.is(schema.properties?.spec?.properties?.replicas?.maximum, MOST_REPLICAS)
})

test.run()
