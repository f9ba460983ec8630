/** Events that others push to the controller's listener. Each is acted on at once; `measure` tells what still counts of them. */
import { isNsctlError, messageOf, NsctlError } from '../../core/errors.ts'
import { isObject } from '../../core/json.ts'
import type {
  Reading,
  Source,
  SourceContext,
  SourceType,
  TriggerConfig,
  WebhookAnswer,
  WebhookRequest,
} from '../source.ts'
import { Count, Gauge, type Memory, type Said } from './webhook/memory.ts'
import { type Credentials, refusalOf } from './webhook/proof.ts'

export const webhook: SourceType = {
  types: ['webhook'],
  open: (trigger, context) => new WebhookSource(trigger, context),
}

const DEFAULT_COUNT_MS = 60_000
const MAX_JSON_BYTES = 4096

class WebhookSource implements Source {
  readonly #context: SourceContext
  readonly #path: string
  readonly #credentials: Credentials
  readonly #activation: number
  readonly #isCount: boolean
  readonly #memory: Memory
  readonly #listeners = new Set<(reading: Reading) => void>()
  #takeBack: (() => void) | undefined
  #isClosed = false

  constructor(trigger: TriggerConfig, context: SourceContext) {
    const { parameters, owner } = trigger
    this.#context = context
    this.#path = parameters.text('path') ?? `${owner.namespace}/${owner.name}/${trigger.name}`
    this.#credentials = { token: parameters.text('token'), hmacSecret: parameters.text('hmacSecret') }
    const { token, hmacSecret } = this.#credentials
    if (context.webhooks.exposed && token === undefined && hmacSecret === undefined)
      throw new NsctlError('Invalid', 'webhooks can be reached from elsewhere, and there is no token', {
        value: 'token',
        next: 'give token or hmacSecret in a TriggerAuthentication',
      })
    this.#activation = parameters.number('activationValue') ?? 0
    this.#isCount = parameters.text('mode') === 'count'
    const ttlMs = parameters.durationMs('ttl')
    this.#memory = this.#isCount
      ? new Count(ttlMs ?? DEFAULT_COUNT_MS, this.#activation, context.clock.monotonic())
      : new Gauge(ttlMs)
    // another may have it: then each measure says so until that one has gone
    this.#claim()
  }

  async measure(signal: AbortSignal): Promise<Reading> {
    signal.throwIfAborted()
    if (this.#isClosed) throw new NsctlError('Unreachable', 'the webhook is not listened to any more')
    const problem = this.#claim()
    if (problem !== undefined) throw problem
    return this.#reading()
  }

  listen(listener: (reading: Reading) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#isClosed) return Promise.resolve()
    this.#listeners.add(listener)
    return new Promise((resolve) => {
      const leave = () => {
        this.#listeners.delete(listener)
        resolve()
      }
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#listeners.clear()
    this.#takeBack?.()
    this.#takeBack = undefined
  }

  #claim(): NsctlError | undefined {
    if (this.#takeBack !== undefined) return undefined
    try {
      this.#takeBack = this.#context.webhooks.on(this.#path, (request) => this.#handle(request))
      return undefined
    } catch (error) {
      if (isNsctlError(error, 'AlreadyExists')) return error
      throw error
    }
  }

  async #handle(request: WebhookRequest): Promise<WebhookAnswer> {
    if (request.method !== 'POST' && request.method !== 'PUT') return { status: 405, body: 'POST is wanted' }
    const refusal = refusalOf(this.#credentials, request)
    if (refusal !== undefined) return { status: refusal, body: 'not allowed' }
    // GitHub asks whether somebody listens
    if (request.headers['x-github-event'] === 'ping') return { status: 200, body: 'pong' }
    let said: Said
    try {
      said = readEvent(request.body, this.#isCount)
    } catch (error) {
      return { status: 400, body: messageOf(error) }
    }
    this.#memory.say(said, this.#context.clock.monotonic())
    const reading = this.#known()
    if (reading === undefined) return { status: 202 }
    for (const listener of [...this.#listeners]) listener(reading)
    const [{ value } = { value: 0 }] = reading.metrics
    return { status: 200, body: JSON.stringify({ value, active: reading.active }) }
  }

  /** Undefined while what is known is a lower bound only. */
  #known(): Extract<Reading, { kind: 'values' }> | undefined {
    try {
      return this.#reading()
    } catch (error) {
      if (isNsctlError(error, 'Invalid')) return undefined
      throw error
    }
  }

  #reading(): Extract<Reading, { kind: 'values' }> {
    const { value, active } = this.#memory.recall(this.#context.clock.monotonic())
    return { kind: 'values', metrics: [{ name: '', value }], active: active ?? value > this.#activation }
  }
}

/** `3`, `{"value": 3}`, `{"active": true}`; where events are counted, anything else is one. Throws Invalid. */
function readEvent(body: Uint8Array, isCount: boolean): Said {
  const text = body.length > MAX_JSON_BYTES && isCount ? '' : Buffer.from(body).toString().trim()
  const event = parse(text)
  const value = isObject(event) ? event.value : event
  if (typeof value === 'number') {
    if (value >= 0 && Number.isFinite(value)) return { value, ...activeOf(event) }
    throw new NsctlError('Invalid', 'the value must be a number from 0')
  }
  if (isCount) return { value: 1 }
  const { active } = activeOf(event)
  if (active === undefined || value !== undefined)
    throw new NsctlError('Invalid', 'a number, {"value": 3} or {"active": true} is wanted')
  return { value: active ? 1 : 0, active }
}

function activeOf(event: unknown): { readonly active?: boolean } {
  return isObject(event) && typeof event.active === 'boolean' ? { active: event.active } : {}
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
