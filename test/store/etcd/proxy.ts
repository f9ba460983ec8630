/** A cable that a test can pull: connections to a server go through it. */
import { connect, createServer, type Socket } from 'node:net'

export interface Cable {
  /** `127.0.0.1:port`, to connect to instead of the server. */
  readonly endpoint: string
  /** Ends every connection and refuses new ones. */
  cut(): void
  /** Nothing goes through and nothing is closed, as when a packet filter drops everything. */
  hold(): void
  mend(): void
  /** How many connections were made in all. */
  readonly connections: number
  /** What the server has sent, in all. */
  readonly receivedBytes: number
  close(): Promise<void>
}

export async function layCable(endpoint: string): Promise<Cable> {
  const [host, port] = endpoint.split(':')
  const sockets = new Set<Socket>()
  let [connections, receivedBytes] = [0, 0]
  let state: 'whole' | 'cut' | 'held' = 'whole'
  const server = createServer((near) => {
    if (state === 'cut') {
      near.destroy()
      return
    }
    connections++
    const far = connect(Number(port), host)
    far.on('data', (chunk) => {
      receivedBytes += chunk.length
    })
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      if (state === 'held') from.pause()
      else from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    state = 'cut'
    for (const socket of sockets) socket.destroy()
  }
  return {
    endpoint: `127.0.0.1:${(server.address() as { port: number }).port}`,
    cut,
    hold() {
      state = 'held'
      for (const socket of sockets) {
        socket.unpipe()
        socket.pause()
      }
    },
    mend() {
      state = 'whole'
      // a connection that was held is not to be trusted again: what it lost is lost
      for (const socket of sockets) if (socket.isPaused()) socket.destroy()
    },
    get connections() {
      return connections
    },
    get receivedBytes() {
      return receivedBytes
    },
    async close() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
