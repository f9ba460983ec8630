import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { keysToKnow, MAX_OPERATIONS, outcomeOf, requestOf } from '../../../src/store/etcd/committing.ts'
import { Keyspace } from '../../../src/store/etcd/keyspace.ts'
import type { Request, TxnRequest } from '../../../src/store/etcd/messages.ts'
import type { Transaction } from '../../../src/store/store.ts'
import { check, put, remove } from '../contract-read.ts'

const keyspace = new Keyspace('shop')

/** A request, for people. */
function show({ compare, success, failure }: TxnRequest): string {
  const compares = compare.map((one) =>
    'modRevision' in one ? `${one.key}@${one.modRevision}` : `${one.key}!=${one.valueIsNot}`,
  )
  const text = `if ${compares} then ${success.map(showOne)} else ${failure.map(showOne)}`
  return text.replaceAll('shop/data/', '')
}

function showOne(request: Request): string {
  if (request.kind === 'range') return `${request.range.keysOnly ? 'revision' : 'value'} ${request.range.key}`
  return request.kind === 'put' ? `put ${request.key}=${request.value}` : `delete ${request.key}`
}

const there = (value: string, modRevision: number) => ({ value: Buffer.from(value), modRevision })

for (const { name, transaction, known, want } of [
  {
    name: 'what must not be there is put',
    transaction: [put('a', '1', 0)],
    want: 'if a@0 then put a=1 else revision a',
  },
  {
    name: 'what must be there is put where its value is another',
    transaction: [put('a', '1', 6)],
    want: 'if a@6,a!=1 then put a=1 else value a',
  },
  {
    name: 'what may be there is taken not to be',
    transaction: [put('a', '1')],
    want: 'if a@0 then put a=1 else value a',
  },
  {
    name: 'checks and deletions',
    transaction: [check('e', 4), remove('b', 5), remove('c')],
    want: 'if e@4,b@5 then delete b,delete c else revision e,revision b',
  },
  {
    name: 'what is known decides, as long as it stays so',
    transaction: [
      put('same', '1'),
      put('none', '2'),
      put('other', '3'),
      put('due', '4', 9),
      put('kept', '5', 9),
    ],
    known: [there('1', 7), undefined, there('2', 8), there('0', 9), there('5', 9)],
    want:
      'if same@7,none@0,other@8,due@9,kept@9 then put none=2,put other=3,put due=4 ' +
      'else value same,value none,value other,value due,value kept',
  },
] as {
  name: string
  transaction: Transaction
  known?: (ReturnType<typeof there> | undefined)[]
  want: string
}[]) {
  test(`requestOf: ${name}`, () => {
    const read = known && new Map(transaction.map(({ key }, index) => [key, known[index]]))
    assert.is(show(requestOf(transaction, keyspace, read)), want)
  })
}

const HEADER = { revision: 20, term: 2, cluster: '1' }
const range = (...found: readonly ReturnType<typeof there>[]) => ({
  ...HEADER,
  keyValues: found.map((one) => ({ key: Buffer.alloc(0), ...one })),
  more: false,
  count: found.length,
})

test('outcomeOf names the first expectation that failed, else tells what is there', () => {
  const transaction = [put('x', ''), check('a', 3), put('b', '', 0), put('c', '', 5)]
  const ranges = (...revisions: readonly number[]) => ({
    ...HEADER,
    succeeded: false,
    ranges: revisions.map((revision) => (revision === 0 ? range() : range(there('v', revision)))),
  })
  assert.equal(outcomeOf(transaction, ranges(1, 3, 9, 4)), { kind: 'conflict', key: 'b', actual: 9 })
  assert.equal(outcomeOf(transaction, ranges(1, 3, 0, 0)), { kind: 'conflict', key: 'c', actual: 0 })
  const told = outcomeOf(transaction, ranges(1, 3, 0, 5))
  assert.equal(told.kind === 'known' && [...told.known].map(([key, value]) => [key, value?.modRevision]), [
    ['x', 1],
    ['c', 5],
  ])
  const done = { ...HEADER, revision: 21, succeeded: true, ranges: [undefined] }
  assert.equal(outcomeOf(transaction, done), { kind: 'committed', revision: 21 })
})

test('only what is too large or too much to be compared is read first', () => {
  const large = 'x'.repeat(100_000)
  assert.equal(keysToKnow([put('a', large), put('new', large, 0), put('c', 'x')]), [])
  assert.equal(keysToKnow([put('a', large), put('new', large, 0), put('c', large, 5), remove('d')]), [
    'a',
    'c',
  ])
  assert.equal(keysToKnow([put('a', '日'.repeat(50_000))]), ['a'], 'bytes count, not characters')
})

test('as many operations as are promised stay within what etcd counts', () => {
  for (const expect of [undefined, 0, 1]) {
    for (const length of [1, 64, 65, MAX_OPERATIONS]) {
      const transaction = Array.from({ length }, (_, i) => put(`k${i}`, 'v', expect))
      const keys = keysToKnow(transaction)
      const known = keys.length === 0 ? undefined : new Map(keys.map((key) => [key, undefined]))
      const { compare, success, failure } = requestOf(transaction, keyspace, known)
      const count = Math.max(compare.length, success.length, failure.length)
      assert.ok(count <= 128, `${length} operations that expect ${expect}: ${count}`)
    }
  }
})

test.run()
