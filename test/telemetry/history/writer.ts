/** Appends a decision every 5 ms to the file that it is given, and says each on standard output; until it is killed. */
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { openSqliteHistory } from '../../../src/telemetry/history/sqlite/history.ts'
import { decision } from './entries.ts'

const history = await openSqliteHistory({
  path: process.argv[2] ?? '',
  clock: systemClock,
  logger: silentLogger,
})
let last = 0
setInterval(() => {
  last = Math.max(last + 1, Date.now())
  history.append(decision(last))
  process.stdout.write(`${last}\n`)
}, 5)
