/** From layout 3.1 to 4.0, on what a daemon of before has really written. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { checkEntries } from '../../../src/api/check/check.ts'
import { openApi } from '../../../src/api/open.ts'
import { walk } from '../../../src/api/upgrade/chain.ts'
import { toLayout4 } from '../../../src/api/upgrade/layout-4.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { randomIds } from '../../../src/core/ids.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { createMemoryStore } from '../../../src/store/memory/store.ts'
import { fillWith, formerEntries } from '../../store/previous-format.ts'

const kinds = createKindRegistry()
const before = formerEntries('2.0')
const after = walk([toLayout4], before, kinds)[0]?.entries ?? []
const nodes = (entries: typeof before) =>
  entries.filter(({ key }) => /^obj(status)?\/nsctl.dev\/nodes/.test(key))

test('a Node is in two entries, and nothing else is touched', () => {
  const [whole, ...more] = nodes(before)
  assert.is(more.length, 0)
  const { status, ...half } = JSON.parse(whole?.value ?? '')
  assert.equal(
    nodes(after).map(({ key, value }) => [key.split('/')[0], JSON.parse(value)]),
    [
      ['obj', half],
      ['objstatus', status],
    ],
  )
  assert.is(after.length, before.length + 1)
  assert.equal(checkEntries(after, kinds), [])
  assert.equal(toLayout4.plan?.(after, kinds), [], 'what was done is found done')
})

test('a Node reads as it did', async () => {
  const read = async (entries: typeof before) => {
    const store = createMemoryStore()
    await fillWith(store, entries)
    const api = await openApi({ store, clock: systemClock, ids: randomIds })
    const { items } = await api.list(api.kinds.byKind('Node'))
    const [{ metadata, ...node } = { metadata: { name: '' } }] = items
    const got = await api.get({ kind: 'Node', name: metadata.name })
    assert.equal(got, items[0])
    const { resourceVersion: _, ...own } = metadata as { readonly resourceVersion?: string }
    return { ...node, metadata: own }
  }
  const wanted = nodes(before).map(({ value }) => JSON.parse(value))[0]
  assert.equal(await read(after), wanted)
})

test('a kind of the user that ours would hide keeps the store from it', () => {
  const name = 'jointokens.shop.example'
  const key = `obj/nsctl.dev/customresourcedefinitions/_/${name}`
  const value = JSON.stringify({ metadata: { name }, spec: { names: { kind: 'JoinToken' } } })
  assert.throws(
    () => toLayout4.plan?.([{ key, value, revision: 1 }], kinds),
    /has a kind JoinToken of its own/,
  )
})

test('what is no Node of ours stays as it is', () => {
  const odd = ['{', '[]', '{"metadata":{}}', '{"metadata":{"name":"a"}}'].map((value, at) => ({
    key: `obj/nsctl.dev/nodes/_/${at}`,
    value,
    revision: 1,
  }))
  assert.equal(toLayout4.plan?.(odd, kinds), [])
})

test.run()
