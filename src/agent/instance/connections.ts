/** Connections of this machine, as the kernel lists them. */
import { readFile } from 'node:fs/promises'

export type CountConnections = (ports: ReadonlySet<number>) => Promise<number | undefined>

const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']
const ESTABLISHED = '01'

/** How many clients are connected to one of the local `ports`; undefined where that cannot be known. */
export async function countConnections(ports: ReadonlySet<number>): Promise<number | undefined> {
  if (ports.size === 0) return 0
  try {
    const [v4 = '', v6 = ''] = await Promise.all(
      TABLES.map((path, index) =>
        // without IPv6 there is no such table
        index === 0 ? readFile(path, 'utf8') : readFile(path, 'utf8').catch(() => ''),
      ),
    )
    return countIn(v4, ports) + countIn(v6, ports)
  } catch {
    // not Linux
    return undefined
  }
}

/** In the text of such a table. Pure. */
export function countIn(table: string, ports: ReadonlySet<number>): number {
  let count = 0
  for (const line of table.split('\n').slice(1)) {
    const [, local = '', , state] = line.trim().split(/\s+/)
    if (state !== ESTABLISHED) continue
    if (ports.has(Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16))) count++
  }
  return count
}
