/** What is done beside programs on other machines: asked of their agents. */
import type { Duplex } from 'node:stream'
import { type Clock, delay } from '../core/clock.ts'
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import type { NodeAddress, NodeCaller } from '../listener/caller.ts'
import type { AnyResource } from '../resources/object.ts'
import type { ConnectRequest, ExecRequest, LogEntry, LogRequest } from './client.ts'
import { LogPosition } from './log-position.ts'
import { whileWritable } from './outputs.ts'
import { atThisTerminal } from './terminal.ts'

/** The nodes of a store, as this machine sees them. */
export interface RemoteNodes {
  /** What runs there runs on this machine. */
  isHere(node: string): Promise<boolean>
  /** Where it is called now. @throws NsctlError Unreachable where it is not */
  addressOf(node: string): Promise<NodeAddress>
  readonly caller: NodeCaller
  readonly clock: Clock
  close(): void
}

/** Of a store on one machine. */
export function noOtherNodes(): RemoteNodes {
  const never = (): never => {
    throw new NsctlError('Bug', 'a store on one machine has no other nodes')
  }
  return {
    isHere: async () => true,
    addressOf: never,
    get caller() {
      return never()
    },
    get clock() {
      return never()
    },
    close() {},
  }
}

const RETRY_MS = 1_000

/** Once a node was lost while it was followed, what it wrote meanwhile comes when it is back; nothing comes twice. */
export async function* remoteLogs(
  nodes: RemoteNodes,
  instance: AnyResource,
  program: string,
  request: LogRequest,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const { ref, node } = placeOf(instance, program)
  const { follow, previous, onNotice } = request
  const position = new LogPosition(request)
  let isLost = false
  for (;;) {
    try {
      const at = await nodes.addressOf(node)
      const question = {
        ...{ ...ref, ...position.from() },
        ...(follow === undefined ? {} : { follow }),
        ...(previous === undefined ? {} : { previous }),
      }
      for await (const line of nodes.caller.logs(at, question, signal)) {
        if (isLost) onNotice?.(`node ${node} is back: instance/${ref.instance} goes on`)
        isLost = false
        if (position.isNew(line)) yield { ...line, instance: ref.instance, program }
      }
      return
    } catch (error) {
      signal.throwIfAborted()
      if (isLost && isNsctlError(error, 'NotFound'))
        return onNotice?.(`instance/${ref.instance} is gone from node ${node}`)
      if (follow !== true || onNotice === undefined || !isNsctlError(error, 'Unreachable')) throw error
      if (!isLost) onNotice(`${messageOf(error)}; instance/${ref.instance} is followed again once it is back`)
      isLost = true
    }
    await delay(nodes.clock, RETRY_MS, signal)
  }
}

export async function remoteExec(
  nodes: RemoteNodes,
  request: ExecRequest,
  program: string,
  signal: AbortSignal,
): Promise<number> {
  const { ref, node } = placeOf(request.instance, program)
  const at = await nodes.addressOf(node)
  const { command, stdin, tty } = request
  return await atThisTerminal(request, async (streams) => {
    const { terminal } = streams
    const shown =
      tty && terminal !== undefined ? { terminal: { ...terminal.size(), type: terminal.type } } : {}
    const question = { ...ref, command, stdin: stdin || tty, ...shown }
    return await whileWritable([streams.stdout, streams.stderr], signal, (both) =>
      nodes.caller.exec(at, question, streams, both),
    )
  })
}

export async function remoteConnect(
  nodes: RemoteNodes,
  { instance, port }: ConnectRequest,
  signal: AbortSignal,
): Promise<Duplex> {
  const { ref, node } = placeOf(instance, '')
  return await nodes.caller.connect(await nodes.addressOf(node), { ...ref, port }, signal)
}

function placeOf({ metadata, spec }: AnyResource, program: string) {
  const { namespace = '', name } = metadata
  const { node } = spec as unknown as { readonly node: string }
  return { node, ref: { namespace, instance: name, ...(program === '' ? {} : { program }) } }
}
