/** Under which of its node's addresses an instance is reached: a program may listen on one family only. */
import { connect } from 'node:net'
import type { Instance } from '../../resources/generated/types.ts'

/** Whether something listens there. Never rejects. */
export type Listens = (host: string, port: number, signal: AbortSignal) => Promise<boolean>

const LIMIT_MS = 500

export const listens: Listens = (host, port, signal) =>
  new Promise((resolve) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)])
    const socket = connect({ host, port, signal: limit })
    const answer = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => answer(true))
    socket.once('error', () => answer(false))
  })

/** The first of `addresses` where its first TCP port answers; undefined where none does, or it has none. */
export async function reachedAt(
  instance: Instance,
  addresses: readonly string[],
  isListening: Listens,
  signal: AbortSignal,
): Promise<string | undefined> {
  const tcp = (instance.spec.template.ports ?? []).find(({ protocol }) => protocol !== 'UDP')
  const port = instance.status?.ports?.find(({ name }) => name === tcp?.name)?.port
  if (port === undefined) return undefined
  // one after the other: the first is nearly always it
  for (const address of addresses) if (await isListening(address, port, signal)) return address
  return undefined
}
