/** This machine as a transport. */
import type { Duplex } from 'node:stream'
import { NsctlError } from '../../core/errors.ts'
import { runToEnd } from '../collect.ts'
import { assertCommand } from '../command.ts'
import { dial } from '../dial.ts'
import type {
  Address,
  Command,
  CommandResult,
  GetFileOptions,
  PutFileOptions,
  RunningCommand,
  RunOptions,
  Transport,
} from '../transport.ts'
import { getFile, putFile } from './files.ts'
import { startCommand } from './start.ts'

/** Opened at once: there is nothing to connect to. */
export function localTransport(): Transport {
  return new LocalTransport()
}

class LocalTransport implements Transport {
  readonly name = 'local'
  readonly ended: Promise<undefined>
  readonly #closing = new AbortController()
  readonly #streams = new Set<Duplex>()

  constructor() {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.ended = promise
    this.#closing.signal.addEventListener('abort', () => resolve(undefined))
  }

  run(command: Command, options: RunOptions): Promise<CommandResult> {
    return runToEnd((given, signal) => this.spawn(given, signal), command, options)
  }

  async spawn(command: Command, signal: AbortSignal): Promise<RunningCommand> {
    assertCommand(command)
    return startCommand(command, this.#orClosed(signal))
  }

  async connect(address: Address, signal: AbortSignal): Promise<Duplex> {
    const socket = await dial(address, this.#orClosed(signal))
    // who has it hears of its end
    socket.on('error', () => {})
    this.#streams.add(socket)
    socket.once('close', () => this.#streams.delete(socket))
    return socket
  }

  async putFile(path: string, content: string | Uint8Array, options: PutFileOptions): Promise<void> {
    await putFile(path, content, { ...options, signal: this.#orClosed(options.signal) })
  }

  async getFile(path: string, options: GetFileOptions): Promise<Buffer | undefined> {
    return getFile(path, { ...options, signal: this.#orClosed(options.signal) })
  }

  async close(): Promise<void> {
    this.#closing.abort(new NsctlError('Unreachable', 'the transport to this machine is closed'))
    for (const stream of this.#streams) stream.destroy()
  }

  #orClosed(signal: AbortSignal): AbortSignal {
    const either = AbortSignal.any([signal, this.#closing.signal])
    either.throwIfAborted()
    return either
  }
}
