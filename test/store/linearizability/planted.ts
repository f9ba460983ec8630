/** Stores with one fault each, as thin layers over a sound one: what the judges must notice. */
import { setTimeout as pause } from 'node:timers/promises'
import { NsctlError } from '../../../src/core/errors.ts'
import type { CommitResult, Entry, Operation, Store, Transaction } from '../../../src/store/store.ts'
import type { Random } from '../random.ts'
import type { Fault } from './operations.ts'

type Overrides = Partial<{ [Name in keyof Store]: Store[Name] }>

export interface Planted {
  readonly name: string
  readonly plant: (real: Store, random: Random) => Overrides
  /** Of these kinds at least one fault is found. */
  readonly caughtAs: readonly Fault['kind'][]
}

/** How seldom the fault strikes: one time in so many. */
const SELDOM = 20
const LOSSES_ONE_IN = 60

function over(real: Store, overrides: Overrides): Store {
  return new Proxy(real, {
    get(target, name) {
      const member: unknown = Reflect.get(overrides, name) ?? Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

export function withFault(real: Store, random: Random, planted: Pick<Planted, 'plant'>): Store {
  return over(real, planted.plant(real, random))
}

/** As a server some way off: requests and answers take their time, so that operations overlap. */
export function withDelays(real: Store, random: Random): Store {
  const slowly =
    <Args extends readonly unknown[], T>(work: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      await pause(random(3))
      const answer = await work(...args)
      await pause(random(3))
      return answer
    }
  return over(real, {
    get: slowly((key) => real.get(key)),
    getMany: slowly((keys) => real.getMany(keys)),
    list: slowly((prefixes) => real.list(prefixes)),
    commit: slowly((transactions) => real.commit(transactions)),
  })
}

/** As over a network that loses: `lost` is called for every request that never came, and for every answer. */
export function withLosses(real: Store, random: Random, lost: () => void): Store {
  const losing =
    <Args extends readonly unknown[], T>(work: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      const fate = random(LOSSES_ONE_IN)
      if (fate > 1) return work(...args)
      lost()
      if (fate === 1) await work(...args)
      throw new NsctlError('Unreachable', fate === 0 ? 'the request was lost' : 'the answer was lost')
    }
  return over(real, {
    get: losing((key) => real.get(key)),
    getMany: losing((keys) => real.getMany(keys)),
    list: losing((prefixes) => real.list(prefixes)),
    commit: losing((transactions) => real.commit(transactions)),
  })
}

/** Replaces the commits of one transaction; the clients make no others. */
function commitWith(
  change: (transaction: Transaction, real: Store) => Promise<CommitResult>,
): (real: Store) => Overrides {
  return (real) => ({
    commit: (transactions) => Promise.all(transactions.map((transaction) => change(transaction, real))),
  })
}

const first = async (real: Store, transaction: Transaction) => (await real.commit([transaction]))[0]!
const nextRevision = async (real: Store) => (await real.list([])).revision + 1
const isLease = (transaction: Transaction) => transaction.some(({ key }) => key.startsWith('lease/'))
const withoutExpect = (operation: Operation): Operation =>
  operation.kind === 'put' ? { kind: 'put', key: operation.key, value: operation.value } : operation

const isRenewal = (transaction: Transaction) =>
  transaction.some(({ kind }) => kind === 'check') && transaction.some(({ key }) => key.endsWith('/holder'))

/** No fault: leases are lost while their holders go on, and only the fence stands between them and what they write late. */
export const RENEWALS_FAIL = {
  plant: (real: Store) => ({
    async commit(transactions: readonly Transaction[]) {
      if (transactions.some(isRenewal)) throw new NsctlError('Unreachable', 'renewals fail here')
      return real.commit(transactions)
    },
  }),
}

export const PLANTED: readonly Planted[] = [
  {
    name: 'a write is acknowledged and not done',
    plant: (real, random) =>
      commitWith(async (transaction) => {
        if (isLease(transaction) || random(SELDOM) > 0) return first(real, transaction)
        return { kind: 'committed', revision: await nextRevision(real) }
      })(real),
    caughtAs: ['lost'],
  },
  {
    name: 'an element is acknowledged and not added',
    plant: (real, random) =>
      commitWith(async (transaction) => {
        if (!transaction[0]!.key.startsWith('set/') || random(10) > 0) return first(real, transaction)
        return { kind: 'committed', revision: await nextRevision(real) }
      })(real),
    caughtAs: ['lost'],
  },
  {
    name: 'what was written is undone later',
    plant: (real, random) =>
      commitWith(async (transaction) => {
        const { key } = transaction[0]!
        const before = await real.get(key)
        const result = await first(real, transaction)
        if (before !== undefined && key.startsWith('register/') && random(SELDOM) === 0)
          setTimeout(() => void real.commit([[{ kind: 'put', key, value: before.value }]]), 5)
        return result
      })(real),
    caughtAs: ['invented'],
  },
  {
    name: 'a read gives what was there before',
    plant: (real, random) => {
      const before = new Map<string, Entry>()
      const seen = new Map<string, Entry>()
      return {
        async get(key) {
          const entry = await real.get(key)
          const last = seen.get(key)
          if (entry !== undefined && last?.revision !== entry.revision) {
            if (last !== undefined) before.set(key, last)
            seen.set(key, entry)
          }
          return random(SELDOM) === 0 ? (before.get(key) ?? entry) : entry
        },
      }
    },
    caughtAs: ['stale'],
  },
  {
    name: 'a listing lacks what was just added',
    plant: (real, random) => ({
      async list(prefixes) {
        const listing = await real.list(prefixes)
        const { entries, revision } = listing
        if (!prefixes.some((prefix) => prefix.startsWith('set/')) || random(4) > 0) return listing
        const newest = entries.reduce((most, entry) => Math.max(most, entry.revision), 0)
        return { entries: entries.filter((entry) => entry.revision < newest), revision }
      },
    }),
    caughtAs: ['stale'],
  },
  {
    name: 'a read gives a value that was refused',
    plant: (real, random) => {
      let refused: Operation | undefined
      return {
        commit: async (transactions) => {
          const results = await real.commit(transactions)
          const operation = transactions[0]![0]!
          if (results[0]!.kind === 'conflict' && operation.kind === 'put') refused = operation
          return results
        },
        async get(key) {
          const entry = await real.get(key)
          if (refused?.kind !== 'put' || refused.key !== key || entry === undefined || random(4) > 0)
            return entry
          return { ...entry, value: refused.value }
        },
      }
    },
    caughtAs: ['invented'],
  },
  {
    name: 'a compare-and-set goes through on another version',
    plant: (real, random) =>
      commitWith((transaction) =>
        first(real, isLease(transaction) || random(2) > 0 ? transaction : transaction.map(withoutExpect)),
      )(real),
    caughtAs: ['lost'],
  },
  {
    name: 'a refusal comes though the version is right',
    plant: (real, random) =>
      commitWith(async (transaction) => {
        const operation = transaction[0]!
        if (isLease(transaction) || !operation.expect || random(SELDOM) > 0) return first(real, transaction)
        return { kind: 'conflict', key: operation.key, actual: operation.expect }
      })(real),
    caughtAs: ['order', 'stale'],
  },
  {
    name: 'two writes change places',
    plant: (real, random) => {
      let held: Transaction | undefined
      return {
        async commit(transactions) {
          const transaction = transactions[0]!
          if (isLease(transaction)) return real.commit(transactions)
          if (held === undefined && random(SELDOM) === 0) {
            held = transaction.map(withoutExpect)
            return [{ kind: 'committed', revision: await nextRevision(real) }]
          }
          const results = await real.commit(transactions)
          if (held !== undefined) await real.commit([held])
          held = undefined
          return results
        },
      }
    },
    caughtAs: ['lost', 'invented', 'stale', 'order'],
  },
  {
    name: 'one element is seen before another that was added first',
    plant: (real, random) => ({
      async list(prefixes) {
        const { entries, revision } = await real.list(prefixes)
        if (!prefixes.some((prefix) => prefix.startsWith('set/')) || random(4) > 0)
          return { entries, revision }
        const [, second] = entries.map((entry) => entry.revision).sort((a, b) => b - a)
        return { entries: entries.filter((entry) => entry.revision !== second), revision }
      },
    }),
    caughtAs: ['order', 'stale'],
  },
  {
    name: 'a lease is given to two',
    plant: (real, random) => ({
      async getMany(keys) {
        const entries = await real.getMany(keys)
        const isBlind = keys.some((key) => key.endsWith('/holder')) && random(8) === 0
        return isBlind ? entries.filter((entry) => !entry.key.endsWith('/holder')) : entries
      },
      commit: (transactions) =>
        real.commit(
          transactions.map((one) =>
            one.map((operation) =>
              operation.key.endsWith('/holder') ? withoutExpect(operation) : operation,
            ),
          ),
        ),
    }),
    caughtAs: ['lease'],
  },
  {
    name: 'the fence of a lease is not looked at',
    plant: (real) => ({
      commit: (transactions) =>
        RENEWALS_FAIL.plant(real).commit(
          transactions.map((one) => (isRenewal(one) ? one : one.filter(({ kind }) => kind !== 'check'))),
        ),
    }),
    caughtAs: ['lease'],
  },
]
