import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  ABORT,
  abortOrder,
  PROMOTE,
  promoteOrder,
  rolloutOrders,
} from '../../src/resources/rollout-orders.ts'

const id = { hash: 'b2b2', revision: 7 }
const NOTHING = { promote: undefined, abort: false }

for (const c of [
  { name: 'nothing', annotations: undefined, want: NOTHING },
  { name: 'a step', annotations: { [PROMOTE]: promoteOrder(id, 2) }, want: { promote: 2, abort: false } },
  {
    name: 'all steps',
    annotations: { [PROMOTE]: promoteOrder(id, 'full') },
    want: { promote: 'full', abort: false },
  },
  { name: 'an end', annotations: { [ABORT]: abortOrder(id) }, want: { promote: undefined, abort: true } },
  {
    name: 'what came with a later revision of the same template',
    annotations: { [ABORT]: abortOrder({ ...id, revision: 9 }) },
    want: { promote: undefined, abort: true },
  },
  {
    name: 'nothing that was about an earlier rollout of the same template',
    annotations: { [ABORT]: abortOrder({ ...id, revision: 6 }) },
    want: NOTHING,
  },
  {
    name: 'nothing that was about another template',
    annotations: {
      [ABORT]: abortOrder({ ...id, hash: 'aaaa' }),
      [PROMOTE]: promoteOrder({ ...id, hash: 'aaaa' }, 1),
    },
    want: NOTHING,
  },
  ...['', 'now', 'b2b2', 'b2b2 r7 -1', 'b2b2 r7 1 2', 'b2b2 r7 1e3', 'b2b2 7 1'].map((text) => ({
    name: `nothing by ${JSON.stringify(text)}`,
    annotations: { [PROMOTE]: text },
    want: NOTHING,
  })),
])
  test(`rolloutOrders: ${c.name}`, () => {
    const annotations = c.annotations as Record<string, string> | undefined
    assert.equal(rolloutOrders({ name: 'web', ...(annotations && { annotations }) }, id), c.want)
  })

test.run()
