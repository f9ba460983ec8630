/** One port of this machine that leads to an instance's. */
import { createServer, type Server, type Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import type { Client } from '../client/client.ts'
import type { Clock } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { AnyResource } from '../resources/object.ts'
import { flagAt } from '../views/fields.ts'
import { namedInstances } from './instances.ts'

export interface Forwarding {
  readonly client: Client
  readonly clock: Clock
  /** What was named. */
  readonly name: string
  readonly namespace: string
  readonly address: string
  /** 0 takes any that is free. */
  readonly local: number
  readonly port: string
  readonly tell: (text: string) => void
  readonly note: (text: string) => void
}

/** What is known of a service's instances is so old at most. */
const KNOWN_MS = 1_000
/** Of instances that several connections may be tried at. */
const MAX_TRIED = 3

/** Until `signal` aborts. @throws NsctlError where the port cannot be had */
export async function forward(forwarding: Forwarding, signal: AbortSignal): Promise<void> {
  const { address, local, port, tell } = forwarding
  const instances = new Instances(forwarding)
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    void carry(forwarding, instances, socket, signal)
  })
  await listening(server, address, local)
  const own = server.address() as { readonly port: number }
  tell(`Forwarding from ${address.includes(':') ? `[${address}]` : address}:${own.port} -> ${port}`)
  await new Promise<void>((resolve) => {
    const stop = () => {
      for (const socket of sockets) socket.destroy()
      server.close(() => resolve())
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new NsctlError('Failed', `cannot listen on ${host}:${port}: ${messageOf(cause)}`, {
          value: port,
          next: 'choose another port of this machine, or any that is free: :PORT',
          cause,
        }),
      ),
    )
    server.listen({ host, port }, resolve)
  })
}

/** A connection that breaks on one side breaks on the other, and ends no other connection. */
async function carry(
  forwarding: Forwarding,
  instances: Instances,
  socket: Socket,
  signal: AbortSignal,
): Promise<void> {
  socket.on('error', () => {})
  try {
    const stream = await open(forwarding, instances, signal)
    try {
      await Promise.all([pipeline(socket, stream), pipeline(stream, socket)])
    } finally {
      stream.destroy()
    }
  } catch (error) {
    // a caller who went away, or an instance that ended: the next connection goes elsewhere
    if (!signal.aborted && !isBroken(error)) forwarding.note(messageOf(error))
    socket.resetAndDestroy()
  }
}

function isBroken(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  return ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNABORTED'].includes(code)
}

/** At the first of the instances that answers, the ready ones before others. */
async function open({ client, name, port }: Forwarding, instances: Instances, signal: AbortSignal) {
  let refusal: unknown = new NsctlError('NotFound', `${name} has no instance now`, { value: name })
  for (const instance of (await instances.look()).slice(0, MAX_TRIED)) {
    try {
      return await client.connect({ instance, port }, signal)
    } catch (error) {
      signal.throwIfAborted()
      refusal = error
      instances.forget()
    }
  }
  throw refusal
}

/** Those that were named, for connections that come one after the other. */
class Instances {
  readonly #forwarding: Forwarding
  #known: Promise<readonly AnyResource[]> | undefined

  constructor(forwarding: Forwarding) {
    this.#forwarding = forwarding
  }

  look(): Promise<readonly AnyResource[]> {
    if (this.#known !== undefined) return this.#known
    const { client, name, namespace, clock } = this.#forwarding
    const known = namedInstances(client, [name], namespace, 'port-forward').then(({ instances }) =>
      byReadiness(instances),
    )
    this.#known = known
    clock.schedule(KNOWN_MS, () => this.forget())
    return known
  }

  forget(): void {
    this.#known = undefined
  }
}

function byReadiness(instances: readonly AnyResource[]): readonly AnyResource[] {
  const rank = (one: AnyResource) =>
    (one.metadata.deletionTimestamp === undefined ? 0 : 2) + (flagAt(one, 'status.ready') === true ? 0 : 1)
  return instances.toSorted((a, b) => rank(a) - rank(b))
}
