/** The connections of a listener: no more than it can bear, and no caller takes them all. */
import type { Server } from 'node:https'
import type { Socket } from 'node:net'
import type { Caller } from '../core/caller.ts'
import { NsctlError } from '../core/errors.ts'

/** Each may hold a window of data. */
const MAX_CONNECTIONS = 512
const MAX_PER_CALLER = 256

export class Connections {
  readonly #open = new Set<Socket>()
  /** Caller → connections. */
  readonly #of = new Map<string, Set<Socket>>()

  constructor(server: Server) {
    server.maxConnections = MAX_CONNECTIONS
    for (const event of ['connection', 'secureConnection'])
      server.on(event, (socket: Socket) => {
        this.#open.add(socket)
        socket.once('close', () => this.#open.delete(socket))
        socket.on('error', () => {})
      })
  }

  /** @throws NsctlError Conflict where he has too many already */
  admit(socket: Socket, { role, name }: Caller): void {
    const who = `${role} ${name}`
    const own = this.#of.get(who) ?? new Set()
    if (own.has(socket)) return
    if (own.size >= MAX_PER_CALLER)
      throw new NsctlError('Conflict', `${name} has ${own.size} connections to it already`, {
        next: 'end some of them',
      })
    this.#of.set(who, own.add(socket))
    socket.once('close', () => {
      own.delete(socket)
      if (own.size === 0 && this.#of.get(who) === own) this.#of.delete(who)
    })
  }

  end(): void {
    for (const socket of this.#open) socket.destroy()
  }
}
