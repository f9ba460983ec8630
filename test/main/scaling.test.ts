import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { slimScaler } from '../../src/main/scaling.ts'
import type { AnyResource } from '../../src/resources/object.ts'

const object = (kind: string, status?: object) =>
  ({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind,
    metadata: { name: 'web' },
    ...(status && { status }),
  }) as AnyResource

test('of scalers the decision is left out, and nothing else of anything', () => {
  const status = { replicas: 3, decision: { to: 3 } }
  assert.equal(slimScaler(object('ScaledObject', status)), object('ScaledObject', { replicas: 3 }))
  assert.equal(slimScaler(object('ScaledJob', status)), object('ScaledJob', { replicas: 3 }))
  for (const one of [
    object('Service', status),
    object('ScaledObject'),
    object('ScaledObject', { replicas: 1 }),
  ])
    assert.is(slimScaler(one), one)
})

test.run()
