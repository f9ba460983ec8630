/** The contract's cases must fail on stores that break it: each planted fault is caught by a case that names it. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createMemoryStore } from '../../src/store/memory/store.ts'
import type { Change, CommitResult, Store, Transaction, WatchBatch } from '../../src/store/store.ts'
import { CONTRACT, type ContractCase } from './contract.ts'

type Overrides = Partial<{ [Name in keyof Store]: Store[Name] }>

/** A memory store with some methods replaced. */
function withFaults(plant: (real: Store) => Overrides): Store {
  const real = createMemoryStore({ historyRevisions: 400 })
  const overrides = plant(real)
  return new Proxy(real, {
    get(target, name) {
      const member: unknown = Reflect.get(overrides, name) ?? Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

/** Rewrites what a watch reports. */
function watchWith(change: (batch: WatchBatch) => readonly WatchBatch[]): (real: Store) => Overrides {
  return (real) => ({
    async *watch(prefixes, from, signal) {
      for await (const batch of real.watch(prefixes, from, signal)) yield* change(batch)
    },
  })
}

const changesWith = (edit: (changes: readonly Change[]) => readonly Change[]) => (batch: WatchBatch) =>
  batch.kind === 'changes' ? [{ ...batch, changes: edit(batch.changes) }] : [batch]

function commitWith(
  change: (transactions: readonly Transaction[]) => readonly Transaction[],
): (real: Store) => Overrides {
  return (real) => ({ commit: (transactions) => real.commit(change(transactions)) })
}

const FAULTS: readonly {
  readonly name: string
  readonly plant: (real: Store) => Overrides
  readonly caughtBy: string
}[] = [
  {
    name: 'a watch drops the changes of one key',
    plant: watchWith(changesWith((changes) => changes.filter((change) => change.key !== 't/😀'))),
    caughtBy: 'writers lose, invent and reorder nothing',
  },
  {
    name: 'a watch drops deletions',
    plant: watchWith(changesWith((changes) => changes.filter((change) => change.kind !== 'delete'))),
    caughtBy: 'reported as deleted',
  },
  {
    name: 'a watch says of each key that it is new',
    plant: watchWith(
      changesWith((changes) => changes.map((one) => (one.kind === 'put' ? { ...one, isNew: true } : one))),
    ),
    caughtBy: 'is new which was there',
  },
  {
    name: 'a watch reorders',
    plant: watchWith(changesWith((changes) => [...changes].reverse())),
    caughtBy: 'taken up again',
  },
  {
    name: 'a watch holds a change back until later',
    plant: (real) => ({
      async *watch(prefixes, from, signal) {
        let held: Change | undefined
        const hold = changesWith((changes) => {
          const late = held
          held = changes[0]
          return late === undefined ? changes.slice(1) : [...changes.slice(1), late]
        })
        for await (const batch of real.watch(prefixes, from, signal)) yield* hold(batch)
      },
    }),
    caughtBy: 'writers lose, invent and reorder nothing',
  },
  {
    name: 'a watch invents a deletion',
    plant: watchWith(
      changesWith((changes) => [
        ...changes,
        { kind: 'delete', key: 't/b', revision: changes.at(-1)!.revision },
      ]),
    ),
    caughtBy: 'writers lose, invent and reorder nothing',
  },
  {
    name: 'a watch reports a value that was never there',
    plant: watchWith(
      changesWith((changes) =>
        changes.map((change) =>
          change.kind === 'put' && change.key === 's/a' ? { ...change, value: 'x' } : change,
        ),
      ),
    ),
    caughtBy: 'writers lose, invent and reorder nothing',
  },
  {
    name: 'a watch reports everything twice',
    plant: watchWith((batch) => [batch, batch]),
    caughtBy: 'writers lose, invent and reorder nothing',
  },
  {
    name: 'a watch cuts transactions',
    plant: watchWith((batch) =>
      batch.kind === 'changes' && batch.changes.length > 1
        ? [
            { ...batch, changes: batch.changes.slice(0, 1) },
            { ...batch, changes: batch.changes.slice(1) },
          ]
        : [batch],
    ),
    caughtBy: 'never cut',
  },
  {
    name: 'a watch never starts over',
    plant: watchWith((batch) => (batch.kind === 'relist' ? [] : [batch])),
    caughtBy: 'too old starts over',
  },
  {
    name: 'a watch throws when it is aborted',
    plant: (real) => ({
      async *watch(prefixes, from, signal) {
        yield* real.watch(prefixes, from, signal)
        signal.throwIfAborted()
      },
    }),
    caughtBy: 'without an error',
  },
  {
    name: 'preconditions of puts are not checked',
    plant: commitWith((all) =>
      all.map((one) =>
        one.map((op) => (op.kind === 'put' ? { kind: 'put', key: op.key, value: op.value } : op)),
      ),
    ),
    caughtBy: 'expect holds',
  },
  {
    name: 'checks are not checked',
    plant: commitWith((all) => all.map((one) => one.filter((op) => op.kind !== 'check'))),
    caughtBy: 'check writes nothing',
  },
  {
    name: 'a transaction is half applied',
    plant: (real) => ({
      async commit(transactions) {
        const results: CommitResult[] = []
        for (const transaction of transactions) {
          const [first] = await real.commit([transaction.slice(0, 1)])
          const [rest] = await real.commit([transaction.slice(1)])
          results.push(rest!.kind === 'conflict' ? rest! : first!)
        }
        return results
      },
    }),
    caughtBy: 'undoes all',
  },
  {
    name: 'a put of the same text is a write',
    plant: (real) => ({
      async commit(transactions) {
        await real.commit([[{ kind: 'put', key: '~', value: String(Math.random()) }]])
        return real.commit(transactions)
      },
    }),
    caughtBy: 'put of the same text moves no revision',
  },
  {
    name: 'keys are ordered as JavaScript orders text',
    plant: (real) => ({
      async list(prefixes) {
        const { entries, revision } = await real.list(prefixes)
        return { entries: [...entries].sort((a, b) => (a.key < b.key ? -1 : 1)), revision }
      },
    }),
    caughtBy: 'ordered by their bytes',
  },
  {
    name: 'overlapping prefixes list a key twice',
    plant: (real) => ({
      async list(prefixes) {
        const lists = await Promise.all(prefixes.map((prefix) => real.list([prefix])))
        return { entries: lists.flatMap((list) => list.entries), revision: (await real.list([])).revision }
      },
    }),
    caughtBy: 'each key once',
  },
  {
    name: 'values lose what follows a NUL',
    plant: commitWith((all) =>
      all.map((one) =>
        one.map((op) => (op.kind === 'put' ? { ...op, value: op.value.split('\0')[0]! } : op)),
      ),
    ),
    caughtBy: 'a NUL',
  },
  {
    name: 'a closed store goes on',
    plant: () => ({ close: async () => {} }),
    caughtBy: 'closed store refuses',
  },
]

// most faults show as a report that does not come
process.env.NSCTL_TEST_WATCH_BOUND_MS = '500'

const neutral = CONTRACT.filter((one) => one.needs !== 'reopen')

/** What the cases say that fail on it. A case that never ends has failed. */
async function failuresOf(
  plant: (real: Store) => Overrides,
  cases: readonly ContractCase[],
): Promise<readonly string[]> {
  const failures: string[] = []
  for (const one of cases) {
    const store = withFaults(plant)
    let limit: NodeJS.Timeout | undefined
    try {
      await Promise.race([
        one.run({ store, historyRevisions: 400, cleanup: async () => {} }),
        new Promise((_, reject) => {
          limit = setTimeout(() => reject(new Error('it never ended')), 5_000)
        }),
      ])
    } catch (error) {
      failures.push(`${one.name}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      clearTimeout(limit)
      await store.close()
    }
  }
  return failures
}

test('without a fault nothing fails', async () => {
  assert.equal(await failuresOf(() => ({}), neutral), [])
})

for (const { name, plant, caughtBy } of FAULTS) {
  test(`the contract catches it when ${name}`, async () => {
    const cases = neutral.filter((one) => one.name.includes(caughtBy))
    assert.is(cases.length, 1, `${cases.length} cases are called ${caughtBy}`)
    assert.is((await failuresOf(plant, cases)).length, 1, 'nothing noticed it')
  })
}

test.run()
