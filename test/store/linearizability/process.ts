/**
 * A client in a process of its own, there to be killed: writes each event as a line in one system call, before it goes on.
 * Ends when its standard input does.
 *
 *     node test/store/linearizability/process.ts PATH NAME SEED STARTED_MS
 */
import { writeSync } from 'node:fs'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { openSqliteStore } from '../../../src/store/sqlite/store.ts'
import { randomOf } from '../random.ts'
import { runClient } from './client.ts'
import { runLeaseClient } from './lease-client.ts'
import type { Event } from './operations.ts'
import { PACE } from './pace.ts'

const [path, name, seed, startedMs] = process.argv.slice(2) as [string, string, string, string]
const enough = new AbortController()
process.stdin.once('end', () => enough.abort()).resume()
const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger })

function optionsOf(client: string, salt: number) {
  return {
    ...PACE,
    store,
    process: client,
    random: randomOf(2 * Number(seed) + salt),
    clock: systemClock,
    sink: (event: Event) => void writeSync(1, `${JSON.stringify([client, event])}\n`),
    startedMs: Number(startedMs),
    signal: enough.signal,
  }
}

await Promise.all([runClient(optionsOf(`${name}c`, 0)), runLeaseClient(optionsOf(`${name}l`, 1))])
await store.close()
