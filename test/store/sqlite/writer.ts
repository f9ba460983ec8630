/**
 * A process that is there to be killed: commits as fast as it can and writes each acknowledgement as a line of its own
 * (revision, then the transaction as JSON), in one system call, before it commits the next.
 *
 *     node test/store/sqlite/writer.ts PATH NAME
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { openSqliteStore } from '../../../src/store/sqlite/store.ts'
import type { Operation, Transaction } from '../../../src/store/store.ts'

const [path, name] = process.argv.slice(2) as [string, string]
const store = await openSqliteStore({
  path,
  clock: systemClock,
  logger: silentLogger,
  historyRevisions: 100_000,
})

function transactionOf(round: number): Transaction {
  const operations: Operation[] = [
    {
      kind: 'put',
      key: `made/${name}/${round}`,
      value: `${name} ${round} `.repeat(1 + ((round * 37) % 200)),
    },
    { kind: 'put', key: `count/${name}`, value: String(round) },
  ]
  if (round >= 20) operations.push({ kind: 'delete', key: `made/${name}/${round - 20}` })
  return operations
}

for (let round = 0; ; round += 4) {
  const transactions = Array.from({ length: 4 }, (_, i) => transactionOf(round + i))
  const results = await store.commit(transactions)
  for (const [i, result] of results.entries()) {
    if (result.kind === 'committed') writeSync(1, `${JSON.stringify([result.revision, transactions[i]])}\n`)
  }
}
