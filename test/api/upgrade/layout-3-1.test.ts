import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { toLayout31 } from '../../../src/api/upgrade/layout-3-1.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { formerEntries } from '../../store/previous-format.ts'

const kinds = createKindRegistry()

test('nothing that is there is rewritten', () => {
  assert.equal(toLayout31.plan?.(formerEntries('2.0'), kinds), [])
})

test('a kind of the user that ours would hide keeps the store from it', () => {
  const name = 'scaledobjects.keda.sh'
  const key = `obj/nsctl.dev/customresourcedefinitions/_/${name}`
  const value = JSON.stringify({ metadata: { name }, spec: { names: { kind: 'ScaledObject' } } })
  try {
    toLayout31.plan?.([{ key, value, revision: 1 }], kinds)
    assert.unreachable('it was taken')
  } catch (error) {
    assert.ok(isNsctlError(error, 'Conflict'), String(error))
    assert.match(
      error.message,
      /has a kind ScaledObject of its own \(scaledobjects\.keda\.sh\).* layout 3\.1/,
    )
  }
})

test.run()
