import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { randomIds } from '../../src/core/ids.ts'

test('uids are version 4 UUIDs and no two are the same, also where randomness is drawn anew', () => {
  const uids = Array.from({ length: 2_000 }, () => randomIds.uid())
  for (const uid of uids)
    assert.match(uid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  assert.is(new Set(uids).size, uids.length)
  // no part of one is left in the next
  assert.is(new Set(uids.map((uid) => uid.slice(0, 13))).size, uids.length)
})

test('suffixes have the length that was asked for and spell nothing', () => {
  for (const length of [1, 5, 16])
    assert.match(randomIds.suffix(length), new RegExp(`^[b-df-hj-np-tv-z2-9]{${length}}$`))
})

test.run()
