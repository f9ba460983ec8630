import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OwnWrites } from '../../../src/controllers/service/own-writes.ts'
import type { Service, ServiceStatus } from '../../../src/resources/generated/types.ts'

const ref = { kind: 'Service', namespace: 'default', name: 'web' }
const status = (failedHash: string) => ({ failedHash }) as ServiceStatus
const web = (uid: string, failedHash?: string) =>
  ({
    kind: 'Service',
    metadata: { namespace: 'default', name: 'web', uid },
    ...(failedHash && { status: status(failedHash) }),
  }) as Service

for (const c of [
  { name: 'a cache that lags behind is overruled', cached: web('1', 'a'), sees: 'b' },
  { name: 'so is one that has no status yet', cached: web('1'), sees: 'b' },
  { name: 'a cache that has it is believed', cached: web('1', 'b'), sees: 'b' },
  { name: 'another Service of that name is another', cached: web('2'), sees: undefined },
  { name: 'what is gone is gone', cached: undefined, sees: undefined },
])
  test(c.name, () => {
    const writes = new OwnWrites()
    writes.wrote(ref, web('1', 'a'), status('b'))
    assert.is(writes.newest(ref, c.cached)?.status?.failedHash, c.sees)
  })

test('once the cache has caught up, it alone counts', () => {
  const writes = new OwnWrites()
  writes.wrote(ref, web('1', 'a'), status('b'))
  writes.newest(ref, web('1', 'b'))
  assert.is(writes.newest(ref, web('1', 'c'))?.status?.failedHash, 'c')
})

test('an older write that the cache shows late does not overrule a newer one', () => {
  const writes = new OwnWrites()
  writes.wrote(ref, web('1'), status('a'))
  writes.wrote(ref, web('1'), status('b'))
  assert.is(writes.newest(ref, web('1', 'a'))?.status?.failedHash, 'b')
})

test.run()
