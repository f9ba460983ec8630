/** A store as long as a lease is held: while it is, the contract; after it, nothing. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { NsctlError } from '../../src/core/errors.ts'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { CommitResult, Store } from '../../src/store/store.ts'
import { storeOfTerm } from '../../src/store/term.ts'
import { storeContract } from './contract.ts'
import { put } from './contract-read.ts'

const LOST = new NsctlError('Fenced', 'the lease leader was not renewed')

async function reasonOf(attempt: Promise<unknown>): Promise<unknown> {
  return attempt.then(
    () => 'answered',
    (reason: unknown) => reason,
  )
}

/** Every way to ask. */
const callsOf = (store: Store): readonly Promise<unknown>[] => [
  store.get('a'),
  store.getMany(['a']),
  store.list(['a']),
  store.listKeys('a'),
  store.stats(),
  store.commit([[put('b', '1')]]),
]

test('is asked nothing more once the lease is lost', async () => {
  const lease = new AbortController()
  const inner = createMemoryStore()
  const store = storeOfTerm(inner, lease.signal)
  await store.commit([[put('a', '1')]])
  assert.is((await store.get('a'))?.value, '1')
  lease.abort(LOST)
  for (const call of callsOf(store)) assert.is(await reasonOf(call), LOST)
  assert.is(await inner.get('b'), undefined)
})

test('what is under way ends with the lease, though the store never answers', async () => {
  const lease = new AbortController()
  const silent = () => new Promise<never>(() => {})
  const away = {
    ...{ get: silent, getMany: silent, list: silent, listKeys: silent },
    stats: silent,
    commit: silent,
  }
  const calls = callsOf(storeOfTerm({ ...createMemoryStore(), ...away }, lease.signal))
  lease.abort(LOST)
  for (const call of calls) assert.is(await reasonOf(call), LOST)
})

test('what fails after the lease was lost is nobody’s trouble', async () => {
  const lease = new AbortController()
  const late = Promise.withResolvers<readonly CommitResult[]>()
  const store = storeOfTerm({ ...createMemoryStore(), commit: () => late.promise }, lease.signal)
  const call = store.commit([[put('a', '1')]])
  lease.abort(LOST)
  late.reject(new Error('away'))
  assert.is(await reasonOf(call), LOST)
})

storeContract('while a lease is held', async () => ({
  store: storeOfTerm(createMemoryStore({ historyRevisions: 400 }), new AbortController().signal),
  historyRevisions: 400,
  cleanup: async () => {},
}))

test.run()
