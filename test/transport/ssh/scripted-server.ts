/** SSH servers for tests that need none of a real machine: ssh2's own, and what stands in its way. */
import { generateKeyPairSync } from 'node:crypto'
import { createServer, connect as dial, type Server, type Socket } from 'node:net'
import ssh2 from 'ssh2'

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { format: 'pem', type: 'pkcs1' },
  privateKeyEncoding: { format: 'pem', type: 'pkcs1' },
})

/** What is used of ssh2's server. */
interface ServerClass {
  new (
    config: { readonly hostKeys: readonly string[] },
    onConnection: (client: ServerClient) => void,
  ): {
    listen(port: number, host: string, onListening: () => void): void
    close(): void
    address(): { port: number }
  }
}

export interface ServerClient {
  on(event: 'authentication', listener: (context: AuthContext) => void): this
  on(event: 'ready' | 'error' | 'close', listener: () => void): this
  on(event: 'session', listener: (accept: () => ServerSession) => void): this
  end(): void
}

export interface ServerSession {
  on(event: 'exec', listener: (accept: (() => ServerChannel) | undefined) => void): this
}

export interface ServerChannel {
  write(text: string): void
  exit(code: number): void
  close(): void
  end(): void
}

export interface AuthContext {
  readonly method: string
  readonly username: string
  accept(): void
  reject(methods?: readonly string[]): void
}

export interface TestServer {
  readonly port: number
  close(): void
}

/** The server's public half is whatever it shows; `script` is given each connection. */
export async function sshServer(script: (client: ServerClient) => void): Promise<TestServer> {
  const { Server: SshServer } = ssh2 as unknown as { Server: ServerClass }
  const server = new SshServer({ hostKeys: [privateKey] }, (client) => {
    client.on('error', () => {})
    script(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { port: server.address().port, close: () => server.close() }
}

/** A port where `talk` is all that is said. */
export async function tcpServer(talk: (socket: Socket) => void): Promise<TestServer> {
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    talk(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    close() {
      server.close()
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** A way to `port` on which, once `bytes` have come back, nothing comes any more; nor is it closed. */
export function fallingSilent(port: number, bytes: () => number): Promise<TestServer> {
  return tcpServer((socket) => {
    const server = dial(port, '127.0.0.1')
    server.on('error', () => {})
    socket.on('data', (data) => server.write(data))
    let passed = 0
    server.on('data', (data) => {
      const some = data.subarray(0, Math.max(0, bytes() - passed))
      passed += data.length
      if (some.length > 0) socket.write(some)
    })
    server.on('close', () => passed <= bytes() && socket.destroy())
    socket.on('close', () => server.destroy())
  })
}

/** A way to `port` on which what comes back is overwritten from some byte on: once, or again and again. */
export function distorting(
  port: number,
  {
    from,
    noise,
    isForGood,
  }: { readonly from: number; readonly noise: Uint8Array; readonly isForGood: boolean },
): Promise<TestServer> {
  return tcpServer((socket) => {
    const server = dial(port, '127.0.0.1')
    server.on('error', () => {})
    socket.on('data', (data) => server.write(data))
    let passed = 0
    server.on('data', (data) => {
      for (let index = 0; index < data.length; index++) {
        const at = passed + index - from
        if (at >= 0 && (isForGood || at < noise.length)) data[index] = noise[at % noise.length] as number
      }
      passed += data.length
      socket.write(data)
    })
    server.on('close', () => socket.destroy())
    socket.on('close', () => server.destroy())
  })
}

/** The parts of ssh2 that write a packet. */
interface PacketWriter {
  readonly _packetRW: {
    readonly write: {
      readonly allocStart: number
      alloc(bytes: number): Buffer
      finalize(packet: Buffer): Buffer
    }
  }
  readonly _cipher: { encrypt(packet: Buffer): void }
}

/** Sends a payload as it stands, properly enciphered. */
export function sendPayload(client: ServerClient, payload: Buffer): void {
  const { _protocol: protocol } = client as unknown as { readonly _protocol: PacketWriter }
  const { write } = protocol._packetRW
  const packet = write.alloc(payload.length)
  payload.copy(packet, write.allocStart)
  protocol._cipher.encrypt(write.finalize(packet))
}
