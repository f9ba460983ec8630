/**
 * Stands before a server and passes connections on, until a test has it do otherwise: nobody listens, nobody answers, something else
 * answers, the line breaks in the middle. It counts the connections that were made.
 */
import { connect, createServer, type Server, type Socket } from 'node:net'

/**
 * `pass` on; `refuse` connections; `freeze`: take them, keep them, pass nothing; `answer` the first bytes of each with these and close; `cut` after so
 * many bytes of answer; `append` these to so many'th piece of answer (from 1), in one with it, and pass on.
 */
export type GateMode =
  | { readonly kind: 'pass' | 'refuse' | 'freeze' }
  | { readonly kind: 'answer'; readonly bytes: Uint8Array | string }
  | { readonly kind: 'cut'; readonly afterBytes: number }
  | { readonly kind: 'append'; readonly bytes: Uint8Array | string; readonly toPiece: number }

export interface Gate {
  readonly host: string
  readonly port: number
  /** Connections that were let in since the start. */
  readonly accepted: number
  /** Those that are there now. */
  readonly open: number
  /** Ends those that are there, but for `freeze` and the `pass` after it, which they live through. */
  set(mode: GateMode | 'pass' | 'refuse' | 'freeze'): Promise<void>
  close(): Promise<void>
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
  answeredBytes: number
  answeredPieces: number
}

/** @param target who really answers */
export async function startGate(target: { readonly host: string; readonly port: number }): Promise<Gate> {
  const pairs = new Set<Pair>()
  let mode: GateMode = { kind: 'pass' }
  let accepted = 0
  let server: Server | undefined
  const enter = (near: Socket) => {
    accepted++
    const pair = { near, far: connect({ ...target, noDelay: true }), answeredBytes: 0, answeredPieces: 0 }
    pairs.add(pair)
    join(pair, () => mode)
    const end = () => {
      near.destroy()
      pair.far.destroy()
      pairs.delete(pair)
    }
    for (const socket of [near, pair.far]) socket.on('error', end).on('close', end)
    hold(pair, mode.kind === 'freeze')
  }
  const listen = async (port: number) => {
    server = createServer({ noDelay: true }, enter)
    await new Promise<void>((resolve, reject) => {
      server?.once('error', reject).listen(port, '127.0.0.1', resolve)
    })
    return (server.address() as { port: number }).port
  }
  const drop = () => {
    for (const { near, far } of pairs) {
      near.destroy()
      far.destroy()
    }
  }
  const stop = async () => {
    const closing = server
    server = undefined
    const closed = new Promise<void>((resolve) => (closing ? closing.close(() => resolve()) : resolve()))
    drop()
    await closed
  }
  const port = await listen(0)
  return {
    host: '127.0.0.1',
    port,
    get accepted() {
      return accepted
    },
    get open() {
      return pairs.size
    },
    async set(next) {
      const wanted: GateMode = typeof next === 'string' ? { kind: next } : next
      const keeps = wanted.kind === 'freeze' || (wanted.kind === 'pass' && mode.kind === 'freeze')
      mode = wanted
      if (!keeps) drop()
      for (const pair of pairs) hold(pair, wanted.kind === 'freeze')
      if (wanted.kind === 'refuse') await stop()
      else if (server === undefined) await listen(port)
    },
    close: stop,
  }
}

/** Passes on what comes, as the mode has it at that moment. */
function join(pair: Pair, mode: () => GateMode): void {
  const { near, far } = pair
  near.on('data', (data) => {
    const now = mode()
    if (now.kind === 'answer') near.end(now.bytes)
    else far.write(data)
  })
  far.on('data', (data) => {
    const now = mode()
    // of those whose server speaks first
    if (now.kind === 'answer') {
      near.end(now.bytes)
      return
    }
    pair.answeredPieces++
    if (now.kind === 'append' && now.toPiece === pair.answeredPieces) {
      near.write(Buffer.concat([data, Buffer.from(now.bytes)]))
      return
    }
    pair.answeredBytes += data.length
    const over = now.kind === 'cut' ? pair.answeredBytes - now.afterBytes : 0
    if (over < 0 || now.kind !== 'cut') near.write(data)
    else near.end(data.subarray(0, Math.max(0, data.length - over)))
  })
}

function hold({ near, far }: Pair, is: boolean): void {
  for (const socket of [near, far]) {
    if (is) socket.pause()
    else socket.resume()
  }
}
