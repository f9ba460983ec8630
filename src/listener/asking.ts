/** The caller's end of a channel: one question, and what comes of it. */
import type { Duplex } from 'node:stream'
import { finished } from 'node:stream/promises'
import { StringDecoder } from 'node:string_decoder'
import type { Clock } from '../core/clock.ts'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'
import type { ProcessStreams } from '../transport/process-streams.ts'
import { errorOf } from './answers.ts'
import { Channel } from './channel.ts'
import type { LogRecord, Question } from './services.ts'

export interface AskingOptions {
  readonly node: string
  readonly socket: Duplex
  /** What was read of it already. */
  readonly head: Buffer
  readonly clock: Clock
}

/** One question; whoever makes it destroys it however that ends. */
export class Asking {
  readonly #node: string
  readonly #channel: Channel
  readonly #begun = Promise.withResolvers<void>()
  readonly #done = Promise.withResolvers<Readonly<Record<string, unknown>>>()

  constructor({ node, socket, head, clock }: AskingOptions, question: Question) {
    this.#node = node
    for (const { promise } of [this.#begun, this.#done]) promise.catch(() => {})
    this.#channel = new Channel(socket, head, {
      clock,
      streams: 2,
      onMessage: (message) => this.#hear(message),
    })
    this.#channel.ended.addEventListener('abort', () => this.#fail(this.#channel.ended.reason), {
      once: true,
    })
    this.#channel.send(question)
  }

  /** Breaks off what has not ended. */
  end(): void {
    this.#channel.destroy(new NsctlError('Unreachable', 'it was called off'))
  }

  /** Throws once the connection is lost, after what came before. */
  async *logs(): AsyncGenerator<LogRecord> {
    const [stream, other] = this.#streams()
    stream.end()
    other.end()
    try {
      for await (const line of linesOf(stream)) yield JSON.parse(line) as LogRecord
    } catch (error) {
      throw this.#told(error)
    }
    await this.#done.promise
  }

  /** Resolves to the exit code, once all that the command printed is written. */
  async exec({ stdin, stdout, stderr, terminal }: ProcessStreams): Promise<number> {
    const [own, errors] = this.#streams()
    errors.end()
    if (stdin === undefined) own.end()
    else stdin.pipe(own)
    const stopResizes = terminal?.onResize(() => this.#channel.send({ resize: terminal.size() }))
    own.pipe(stdout, { end: false })
    errors.pipe(stderr, { end: false })
    try {
      const read = [own, errors].map((stream) => finished(stream, { writable: false }).catch(() => {}))
      const { exitCode } = await this.#done.promise
      await Promise.all(read)
      await Promise.all([stdout, stderr].map(flushed))
      return Number(exitCode)
    } finally {
      stopResizes?.()
      stdin?.unpipe(own)
      stdin?.pause()
    }
  }

  /** Resolves once the node is connected to the port. */
  async connect(): Promise<Duplex> {
    const [stream, other] = this.#streams()
    other.end()
    other.resume()
    await this.#begun.promise
    return stream
  }

  #streams() {
    const [first, second] = this.#channel.streams
    if (first === undefined || second === undefined) throw new NsctlError('Bug', 'a channel has two streams')
    return [first, second] as const
  }

  #hear(message: unknown): void {
    const said = isObject(message) ? message : {}
    if (said.begun === true) this.#begun.resolve()
    else if (said.failed === undefined) this.#done.resolve(said)
    else
      this.#fail(
        errorOf(said.failed, this.#node) ??
          new NsctlError('Failed', `node ${this.#node} does not say why it failed`),
      )
  }

  #fail(error: unknown): void {
    const told = this.#told(error)
    this.#begun.reject(told)
    this.#done.reject(told)
    this.#channel.destroy(told)
  }

  #told(error: unknown): NsctlError {
    if (isNsctlError(error) && error.message.startsWith('node ')) return error
    const why = error instanceof Error ? error.message : String(error)
    return new NsctlError('Unreachable', `node ${this.#node}: ${why}`, { value: this.#node, cause: error })
  }
}

/** What was written before is out. */
function flushed(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    if (!stream.writable) return resolve()
    stream.once('error', () => resolve())
    stream.write('', () => resolve())
  })
}

async function* linesOf(stream: Duplex): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  for await (const bytes of stream) {
    const lines = (rest + decoder.write(bytes as Buffer)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}
