/** Contract: many writers at once, judged by what they know they committed. */
import * as assert from 'uvu/assert'
import type { Operation, Store } from '../../src/store/store.ts'
import type { ContractCase, OpenedStore } from './contract.ts'
import { commit, put } from './contract-read.ts'
import { type Committed, judgeState, judgeWatch } from './history.ts'
import { randomOf } from './random.ts'
import { follow } from './watching.ts'

const WRITERS = 8
const KEYS = ['s/a', 's/b', 's/c', 't/a', 't/b', 't/😀'] as const

/**
 * Commits `rounds` transactions of one to three distinct keys: puts of values that occur once, deletes of what was read.
 * What conflicts is given up. Pushes what was acknowledged.
 */
async function write(store: Store, writer: number, rounds: number, committed: Committed[]): Promise<number> {
  const random = randomOf(writer + 1)
  let conflicts = 0
  for (let round = 0; round < rounds; round++) {
    const keys = new Set(Array.from({ length: 1 + random(3) }, () => KEYS[random(KEYS.length)]!))
    const transaction: Operation[] = []
    for (const key of keys) {
      const read = random(3) === 0 ? undefined : ((await store.get(key))?.revision ?? 0)
      if (read !== undefined && read > 0 && random(3) === 0)
        transaction.push({ kind: 'delete', key, expect: read })
      else transaction.push(put(key, `${writer}.${round}.${key}`, read))
    }
    const [result] = await store.commit([transaction])
    if (result!.kind === 'committed') committed.push({ revision: result!.revision, transaction })
    else conflicts++
  }
  return conflicts
}

async function storm({ store, reopen }: OpenedStore, connections: number, rounds: number): Promise<void> {
  const others = reopen ? await Promise.all(Array.from({ length: connections - 1 }, () => reopen())) : []
  const stores = [store, ...others]
  try {
    await commit(store, ...KEYS.slice(0, 3).map((key) => put(key, `before ${key}`)))
    const before = await store.list([''])
    const watches = [
      { prefixes: [''], watching: follow(store, [''], before.revision) },
      { prefixes: ['t/'], watching: follow(stores.at(-1)!, ['t/'], before.revision) },
      { prefixes: ['s/b', 's/a'], watching: follow(stores.at(-1)!, ['s/b', 's/a'], before.revision) },
    ]
    const committed: Committed[] = []
    const conflicts = await Promise.all(
      Array.from({ length: WRITERS }, (_, i) => write(stores[i % stores.length]!, i, rounds, committed)),
    )
    assert.ok(
      conflicts.some((count) => count > 0),
      'writers never met: the test shows nothing',
    )
    // one last change under every prefix, after which all has been reported
    const transaction = ['s/a', 's/b', 't/a'].map((key) => put(key, `the end of ${key}`))
    const end = await commit(store, ...transaction)
    committed.push({ revision: end, transaction })
    const final = await store.list([''])
    assert.equal(judgeState(committed, before.entries, final.entries), [])
    for (const { prefixes, watching } of watches) {
      await watching.until(`revision ${end}`, (w) => w.batches.some((batch) => batch.revision >= end))
      await watching.stop()
      const covers = (key: string) => prefixes.some((prefix) => key.startsWith(prefix))
      assert.equal(judgeWatch(committed, watching.batches, before.revision, final.entries, covers), [])
    }
    const late = follow(store, [''], before.revision)
    await late.until(`revision ${end} again`, (w) => w.batches.some((batch) => batch.revision >= end))
    await late.stop()
    assert.equal(judgeWatch(committed, late.batches, before.revision, final.entries), [])
  } finally {
    await Promise.all(others.map((other) => other.close()))
  }
}

export const writerCases: readonly ContractCase[] = [
  {
    name: `${WRITERS} concurrent writers lose, invent and reorder nothing`,
    run: (opened) => storm({ store: opened.store, cleanup: opened.cleanup }, 1, 25),
  },
  {
    name: `${WRITERS} writers over four connections lose, invent and reorder nothing`,
    needs: 'reopen',
    run: (opened) => storm(opened, 4, 15),
  },
]
