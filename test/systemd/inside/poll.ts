/**
 * Runs inside a node: requests every ready instance of a service, over and over, until its standard input ends. Prints
 * JSON. An instance is asked as long as the store calls it ready; a request counts as failed where it was ready before and
 * still is after it, or where nobody else answers in its place.
 *
 *     node poll.ts STORE SERVICE
 */
import { hostname } from 'node:os'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/logger.ts'
import { openSqliteStore } from '../../../src/store/sqlite/store.ts'

const [path = '', service = ''] = process.argv.slice(2)
const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger, readOnly: true })
const node = `node/${hostname().toLowerCase()}`

export interface PollResult {
  readonly answered: number
  /** Asked somebody who was just being replaced, and was answered by another. */
  readonly moved: number
  readonly failed: number
  /** The fewest ready instances that were ever seen. */
  readonly fewestReady: number
  readonly failures: readonly string[]
}

/** Ports of instances that are ready and not on their way out. */
async function readyPorts(): Promise<readonly number[]> {
  const { entries } = await store.list([
    `${node}/instances/default/${service}-`,
    `${node}/status/instances/default/${service}-`,
  ])
  const leaving = new Set<string>()
  const ready = new Map<string, number>()
  for (const { key, value } of entries) {
    const name = key.slice(key.lastIndexOf('/') + 1)
    const object = JSON.parse(value)
    if (object.metadata?.deletionTimestamp !== undefined) leaving.add(name)
    if (object.ready === true) ready.set(name, object.ports[0].port)
  }
  return [...ready].filter(([name]) => !leaving.has(name)).map(([, port]) => port)
}

async function answers(port: number): Promise<string | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(5_000) })
    await response.text()
    return response.ok ? undefined : `port ${port}: ${response.status}`
  } catch (error) {
    return `port ${port}: ${error instanceof Error ? (error.cause ?? error) : error}`
  }
}

let over = false
process.stdin.on('end', () => {
  over = true
})
process.stdin.resume()
console.error('polling')

const failures: string[] = []
let [answered, moved, fewestReady] = [0, 0, Number.POSITIVE_INFINITY]
while (!over) {
  const ports = await readyPorts()
  fewestReady = Math.min(fewestReady, ports.length)
  if (ports.length === 0) failures.push('nobody is ready')
  for (const port of ports) {
    const failure = await answers(port)
    if (failure === undefined) answered++
    else {
      const now = await readyPorts()
      const others = await Promise.all(now.filter((one) => one !== port).map(answers))
      if (!now.includes(port) && others.includes(undefined)) moved++
      else failures.push(failure)
    }
  }
}
const result: PollResult = { answered, moved, failed: failures.length, fewestReady, failures }
console.log(JSON.stringify(result))
await store.close()
