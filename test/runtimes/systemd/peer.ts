/** The manager's end of a D-Bus connection, as a test scripts it. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type IncomingMessage,
  METHOD_RETURN,
  MessageSplitter,
  SIGNAL,
} from '../../../src/runtimes/systemd/dbus/message.ts'
import { parseSignature } from '../../../src/runtimes/systemd/dbus/signature.ts'
import { type DbusValue, DbusWriter, type Variant } from '../../../src/runtimes/systemd/dbus/writer.ts'

export interface Peer {
  readonly socketPath: string
  close(): Promise<void>
}

/** Answers each call of a client with the messages that `answer` gives for it, in one write. */
export async function openPeer(answer: (call: IncomingMessage) => readonly Buffer[]): Promise<Peer> {
  const folder = await mkdtemp(join(tmpdir(), 'nsctl-peer-'))
  const socketPath = join(folder, 'bus')
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const splitter = new MessageSplitter()
    let isKnown = false
    socket.on('data', (chunk: Buffer) => {
      if (isKnown) return splitter.push(chunk, (call) => socket.write(Buffer.concat(answer(call))))
      isKnown = true
      socket.write('OK 0123\r\n')
    })
    socket.on('error', () => {})
  })
  server.listen(socketPath)
  await once(server, 'listening')
  return {
    socketPath,
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await rm(folder, { recursive: true })
    },
  }
}

export function reply(call: IncomingMessage, signature: string, body: readonly DbusValue[]): Buffer {
  const field: [number, Variant] = [5, { signature: 'u', value: call.serial }]
  return encode(METHOD_RETURN, [field], signature, body)
}

export function signal(member: string, signature: string, body: readonly DbusValue[]): Buffer {
  const fields: [number, Variant][] = [
    [1, { signature: 'o', value: '/org/freedesktop/systemd1' }],
    [2, { signature: 's', value: 'org.freedesktop.systemd1.Manager' }],
    [3, { signature: 's', value: member }],
  ]
  return encode(SIGNAL, fields, signature, body)
}

function encode(
  type: number,
  fields: readonly [number, Variant][],
  signature: string,
  body: readonly DbusValue[],
): Buffer {
  const content = new DbusWriter()
  content.writeAll(signature, body)
  const header = new DbusWriter()
  header.writeAll('yyyyuu', [0x6c, type, 1, 1, content.bytes().length, 1])
  header.write(parseSignature('a(yv)')[0]!, [...fields, [8, { signature: 'g', value: signature }]])
  header.align(8)
  return Buffer.concat([header.bytes(), content.bytes()])
}
