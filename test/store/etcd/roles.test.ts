import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { holdsRoles } from '../../../src/store/etcd/roles.ts'

for (const [version, holds] of [
  ['3.4.23', false],
  ['3.4.99', false],
  ['3.5.32', false],
  ['3.5.33', true],
  ['3.6.13', false],
  ['3.6.14', true],
  ['3.6.17-rc.1', true],
  ['3.7.0', false],
  ['3.7.1', true],
  ['3.8.0', true],
  ['4.0.0', true],
  ['2.3.8', false],
  ['', false],
  ['unknown', false],
] as const)
  test(`etcd ${version || 'without a version'} ${holds ? 'holds' : 'does not hold'} users to their roles`, () =>
    assert.is(holdsRoles(version), holds))

test.run()
