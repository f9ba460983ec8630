/** The listener for events that are pushed, for a term: who does not lead does not take them. */
import type { Clock } from '../core/clock.ts'
import { messageOf, NsctlError } from '../core/errors.ts'
import type { Logger } from '../core/logger.ts'
import type { WebhookAnswer, WebhookRequest, Webhooks } from '../scaling/source.ts'
import type { WebhookListener } from '../scaling/webhooks.ts'

export interface TermWebhooksOptions {
  /** On 127.0.0.1; without one nothing listens, and triggers of type webhook say so. */
  readonly port: number | undefined
  readonly clock: Clock
  readonly logger: Logger
}

/** A port that is another's now, such as one's who led before and has not heard of it yet, may be free soon. */
const RETRY_MS = 5_000

export class TermWebhooks implements Webhooks {
  readonly #options: TermWebhooksOptions
  #listener: WebhookListener | undefined
  #failure: NsctlError
  #opening: Promise<void> = Promise.resolve()
  #cancelRetry: () => void = () => {}
  #isClosed = false

  constructor(options: TermWebhooksOptions) {
    this.#options = options
    this.#failure = new NsctlError('Failed', 'nothing listens for webhooks here', {
      next: 'start nsctl up or nsctl controller with --webhook-port',
    })
  }

  /** Never rejects: what cannot listen must not keep everything else from scaling. It is tried again until that can be done. */
  open(): Promise<void> {
    this.#opening = this.#open()
    return this.#opening
  }

  async #open(): Promise<void> {
    const { port, clock, logger } = this.#options
    if (port === undefined || this.#isClosed) return
    try {
      const { listenForWebhooks } = await import('../scaling/webhooks.ts')
      this.#listener = await listenForWebhooks({ port, clock, logger })
      logger.log('info', `listening for webhooks on http://127.0.0.1:${this.#listener.port}/hooks/`)
    } catch (error) {
      const failure = new NsctlError('Failed', `webhooks cannot be taken: ${messageOf(error)}`, {
        cause: error,
      })
      if (failure.message !== this.#failure.message) logger.log('error', failure.message, { error })
      this.#failure = failure
      if (!this.#isClosed) this.#cancelRetry = clock.schedule(RETRY_MS, () => void this.open())
    }
  }

  on(path: string, handle: (request: WebhookRequest) => Promise<WebhookAnswer>): () => void {
    if (this.#listener === undefined) throw this.#failure
    return this.#listener.on(path, handle)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancelRetry()
    await this.#opening
    await this.#listener?.close()
  }
}
