/** Another machine's journal, by its own journalctl. */
import { createInterface } from 'node:readline'
import type { Transport } from '../../../transport/transport.ts'
import { type Journal, journalArguments, journalFailed, parseEntry } from '../journal.ts'

const KEPT_COMPLAINT = 1_000

/** @param ended aborts what is read when the way there is given up */
export function journalOver(transport: Pick<Transport, 'spawn'>, ended: AbortSignal): Journal {
  return async function* read(query, signal) {
    const stop = new AbortController()
    const both = AbortSignal.any([signal, ended, stop.signal])
    both.throwIfAborted()
    const child = await transport.spawn({ argv: ['journalctl', ...journalArguments(query)] }, both)
    let complaint = ''
    child.stderr.on('data', (chunk: Buffer) => {
      complaint = (complaint + chunk.toString()).slice(-KEPT_COMPLAINT)
    })
    child.stdin.on('error', () => {})
    child.stdin.end()
    // told below, where anybody still reads
    child.ended.catch(() => {})
    try {
      const lines = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY })
      for await (const line of lines) {
        const entry = parseEntry(line)
        if (entry !== undefined) yield entry
      }
      const { exitCode } = await child.ended
      if (exitCode !== 0 && complaint !== '') throw journalFailed(complaint)
    } finally {
      stop.abort()
    }
  }
}
