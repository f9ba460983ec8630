/** Answers one question over one channel: the caller's end ends what he asked for, and the other way round. */

import type { Duplex } from 'node:stream'
import { finished, pipeline } from 'node:stream/promises'
import type { Caller } from '../core/caller.ts'
import type { Clock } from '../core/clock.ts'
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'
import type { Logger } from '../core/logger.ts'
import type { ProcessStreams, TerminalSize } from '../transport/process-streams.ts'
import { toldOf } from './answers.ts'
import { Channel } from './channel.ts'
import { readQuestion, readSize } from './questions.ts'
import type { ConnectQuestion, ExecQuestion, LogsQuestion, NodeServices, Question } from './services.ts'

export interface AnsweringOptions {
  readonly services: NodeServices
  readonly caller: Caller
  readonly clock: Clock
  readonly logger: Logger
}

/** Who does not ask within this is cut off. */
const QUESTION_LIMIT_MS = 5_000

export function answerOver(socket: Duplex, head: Buffer, options: AnsweringOptions): void {
  const { clock } = options
  let conversation: Conversation | undefined
  const channel = new Channel(socket, head, {
    ...{ clock, streams: 2 },
    onMessage(message) {
      if (conversation !== undefined) return conversation.hear(message)
      cancel()
      conversation = new Conversation(channel, options)
      void conversation.answer(message)
    },
  })
  const cancel = clock.schedule(QUESTION_LIMIT_MS, () =>
    channel.destroy(new NsctlError('Timeout', 'nothing was asked')),
  )
  channel.ended.addEventListener('abort', cancel, { once: true })
}

class Conversation {
  readonly #channel: Channel
  readonly #options: AnsweringOptions
  readonly #resizes = new Set<() => void>()
  #size: TerminalSize = { columns: 80, rows: 24 }

  constructor(channel: Channel, options: AnsweringOptions) {
    this.#channel = channel
    this.#options = options
  }

  async answer(message: unknown): Promise<void> {
    const channel = this.#channel
    try {
      const question = readQuestion(message)
      const said = await this.#ask(question)
      await Promise.all(channel.streams.map((stream) => stream.destroyed || ended(stream)))
      channel.send(said)
      channel.close()
    } catch (error) {
      if (channel.ended.aborted) return
      const { logger } = this.#options
      if (!isNsctlError(error)) logger.log('error', `cannot answer a caller: ${messageOf(error)}`, { error })
      channel.send({ failed: toldOf(error).told })
      channel.close()
    }
  }

  /** What comes after the question: the caller's terminal has another size. */
  hear(message: unknown): void {
    const size = isObject(message) ? readSize(message.resize) : undefined
    if (size === undefined) return
    this.#size = size
    for (const listener of this.#resizes) listener()
  }

  #ask(question: Question): Promise<object> {
    switch (question.kind) {
      case 'logs':
        return this.#logs(question)
      case 'exec':
        return this.#exec(question)
      case 'connect':
        return this.#connect(question)
    }
  }

  async #logs(question: LogsQuestion): Promise<object> {
    const { services, caller } = this.#options
    const [out] = this.#pair()
    this.#channel.send({ begun: true })
    const lines = services.logs(caller, question, this.#channel.ended)
    await pipeline(texts(lines), out, { end: false })
    return { done: true }
  }

  async #exec(question: ExecQuestion): Promise<object> {
    const { services, caller } = this.#options
    const [stdout, stderr] = this.#pair()
    const { terminal } = question
    if (terminal !== undefined) this.#size = terminal
    const streams: ProcessStreams = {
      ...{ stdout, stderr },
      ...(question.stdin ? { stdin: stdout } : {}),
      ...(terminal === undefined ? {} : { terminal: this.#terminal(terminal.type) }),
    }
    return { exitCode: await services.exec(caller, question, streams, this.#channel.ended) }
  }

  async #connect(question: ConnectQuestion): Promise<object> {
    const { services, caller } = this.#options
    const [stream, other] = this.#pair()
    const connection = await services.connect(caller, question, this.#channel.ended)
    this.#channel.send({ begun: true })
    other.end()
    try {
      await Promise.all([pipeline(stream, connection), pipeline(connection, stream)])
      return { done: true }
    } catch (error) {
      this.#channel.destroy(error as Error)
      throw error
    } finally {
      connection.destroy()
    }
  }

  #pair() {
    const [first, second] = this.#channel.streams
    if (first === undefined || second === undefined) throw new NsctlError('Bug', 'a channel has two streams')
    return [first, second] as const
  }

  #terminal(type: string) {
    return {
      type,
      size: () => this.#size,
      onResize: (listener: () => void) => {
        this.#resizes.add(listener)
        return () => this.#resizes.delete(listener)
      },
    }
  }
}

async function* texts(lines: AsyncIterable<object>): AsyncGenerator<Buffer> {
  for await (const line of lines) yield Buffer.from(`${JSON.stringify(line)}\n`)
}

/** All of it is on its way to the caller. */
async function ended(stream: Duplex): Promise<void> {
  stream.end()
  if (!stream.writableFinished) await finished(stream, { readable: false })
}
