/** Connects to a port of this machine: a program may listen on one address only, and on one family only. */
import type { Duplex } from 'node:stream'
import { messageOf, NsctlError } from '../../core/errors.ts'

import type { Dial } from '../surroundings.ts'

const LIMIT_MS = 5_000

/** At the first of `addresses` where something listens. @throws NsctlError Unreachable */
export async function connectTo(
  dial: Dial,
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Duplex> {
  let refusal: unknown
  for (const host of new Set(addresses)) {
    try {
      return await dial(host, port, AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]))
    } catch (error) {
      signal.throwIfAborted()
      refusal ??= error
    }
  }
  throw new NsctlError('Unreachable', `nothing answers at port ${port}: ${messageOf(refusal)}`, {
    value: port,
  })
}
