/**
 * A name server for one Caddy on this machine, over TCP: it tells which instances a service has at this moment. What is led where changes
 * here, at once, and Caddy's configuration stays as it is: each change of that ends idle connections of clients.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { answer, type TargetsOf } from './dns.ts'

const MAX_QUERY_BYTES = 512
const IDLE_MS = 10_000

export class NameServer {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  /** Every name that is asked for ends in `suffix`. `targetsOf` is asked with each query. */
  constructor(suffix: string, targetsOf: TargetsOf) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      socket.once('error', () => socket.destroy())
      socket.setTimeout(IDLE_MS, () => socket.destroy())
      socket.setNoDelay(true)
      serve(socket, (query) => answer(query, suffix, targetsOf))
    })
  }

  /** Listens on loopback: at `preferred` where that is free, else anywhere. Resolves to the port. */
  async listen(preferred: number | undefined): Promise<number> {
    if (preferred !== undefined && (await this.#tryAt(preferred))) return preferred
    if (!(await this.#tryAt(0))) throw new Error('no loopback port is free')
    return this.port
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (!this.#server.listening) return
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #tryAt(port: number): Promise<boolean> {
    return new Promise((resolve) => {
      const onError = () => resolve(false)
      this.#server.once('error', onError)
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', onError)
        resolve(true)
      })
    })
  }
}

/** Messages follow each other, each after its length. */
function serve(socket: Socket, answerTo: (query: Buffer) => Buffer | undefined): void {
  let rest: Buffer = Buffer.alloc(0)
  socket.on('data', (data) => {
    rest = rest.length === 0 ? data : Buffer.concat([rest, data])
    while (rest.length >= 2) {
      const length = rest.readUInt16BE(0)
      if (length > MAX_QUERY_BYTES) return void socket.destroy()
      if (rest.length < 2 + length) return
      const said = answerTo(rest.subarray(2, 2 + length))
      rest = rest.subarray(2 + length)
      if (said === undefined) return void socket.destroy()
      const head = Buffer.alloc(2)
      head.writeUInt16BE(said.length, 0)
      socket.write(Buffer.concat([head, said]))
    }
  })
}
