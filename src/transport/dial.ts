/** Connections from this machine, opened or given up. */
import { connect, type Socket } from 'node:net'
import { messageOf, NsctlError } from '../core/errors.ts'
import { orAborted } from './abort.ts'
import type { Address } from './transport.ts'

/** `127.0.0.1:80`, `[::1]:80`, `/run/x.sock`. */
export function addressName(address: Address): string {
  if ('socketPath' in address) return address.socketPath
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

/** @throws NsctlError Unreachable; the signal's reason */
export async function dial(address: Address, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted()
  const options = 'socketPath' in address ? { path: address.socketPath } : { ...address, noDelay: true }
  const socket = connect({ ...options, allowHalfOpen: true })
  const opened = Promise.withResolvers<void>()
  socket.once('connect', opened.resolve)
  socket.once('error', (cause) =>
    opened.reject(
      new NsctlError('Unreachable', `${addressName(address)} cannot be reached: ${messageOf(cause)}`, {
        value: addressName(address),
        next: 'check the address, and that something listens there',
        cause,
      }),
    ),
  )
  try {
    await orAborted(opened.promise, signal)
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}
