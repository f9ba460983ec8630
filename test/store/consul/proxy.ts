/**
 * Passes connections on and counts what goes over them, so that a test knows what a change costs. Questions whether the server is
 * still there are not counted: they come by the clock, one for all watches of a process.
 */
import { connect, createServer } from 'node:net'

export interface CountingProxy {
  readonly address: string
  /** Bytes both ways, since the last `reset`. */
  bytes(): number
  /** Connections over which an answer came since then. */
  answered(): number
  reset(): void
  close(): void
}

const PULSE = Buffer.from('GET /v1/status/leader')

/** @param target `host:port` */
export async function startProxy(target: string): Promise<CountingProxy> {
  const [host, port] = target.split(':') as [string, string]
  let bytes = 0
  const answered = new Set<object>()
  const sockets = new Set<{ destroy(): void }>()
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host, port: Number(port), noDelay: true })
    let isPulse = false
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.on('data', (data) => {
        // a connection carries one request at a time
        if (from === near) isPulse = data.subarray(0, PULSE.length).equals(PULSE)
        if (!isPulse) {
          bytes += data.length
          if (from === far) answered.add(far)
        }
        to.write(data)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(server.address() as { port: number }).port}`,
    bytes: () => bytes,
    answered: () => answered.size,
    reset() {
      bytes = 0
      answered.clear()
    },
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}
