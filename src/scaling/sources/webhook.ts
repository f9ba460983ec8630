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
import { type Credentials, proofOf, type Scheme } from './webhook/proof.ts'
import { Taken } from './webhook/taken.ts'

export const webhook: SourceType = {
  types: ['webhook'],
  open: (trigger, context) => new WebhookSource(trigger, context),
}

const DEFAULT_COUNT_MS = 60_000
const DEFAULT_TOLERANCE_MS = 300_000
const MAX_JSON_BYTES = 4096

class WebhookSource implements Source {
  readonly #context: SourceContext
  readonly #path: string
  readonly #credentials: Credentials
  readonly #activation: number
  readonly #isCount: boolean
  readonly #memory: Memory
  readonly #taken: Taken
  readonly #listeners = new Set<(reading: Reading) => void>()
  #takeBack: (() => void) | undefined
  #isClosed = false

  constructor(trigger: TriggerConfig, context: SourceContext) {
    const { parameters, owner } = trigger
    this.#context = context
    this.#path = parameters.text('path') ?? `${owner.namespace}/${owner.name}/${trigger.name}`
    this.#credentials = credentialsOf(parameters)
    const { token, hmacSecret, toleranceMs } = this.#credentials
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
    // what is signed a tolerance ahead of the time here is fresh for two
    this.#taken = new Taken(2 * toleranceMs)
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
    const { clock } = this.#context
    const proof = proofOf(this.#credentials, request, clock.now())
    if (proof.kind === 'refused') return proof.answer
    // GitHub asks whether somebody listens
    if (request.headers['x-github-event'] === 'ping') return { status: 200, body: 'pong' }
    let said: Said
    try {
      said = readEvent(request.body, this.#isCount)
    } catch (error) {
      return { status: 400, body: messageOf(error) }
    }
    // a gauge may rightly say again what it said a while ago: without a time nothing tells that from what somebody has kept
    const once = proof.isTimed || this.#isCount ? proof.delivery : undefined
    if (once !== undefined && this.#taken.has(once, clock.monotonic())) return this.#answer(true)
    if (once !== undefined && !this.#taken.add(once, clock.monotonic()))
      return { status: 429, body: 'too many requests' }
    this.#memory.say(said, clock.monotonic())
    const reading = this.#known()
    if (reading !== undefined) for (const listener of [...this.#listeners]) listener(reading)
    return this.#answer(false)
  }

  /** To a sender it is well in either case: it need not try again. */
  #answer(repeated: boolean): WebhookAnswer {
    const said = repeated ? { repeated } : {}
    const reading = this.#known()
    if (reading === undefined) return { status: 202, ...(repeated && { body: JSON.stringify(said) }) }
    const [{ value } = { value: 0 }] = reading.metrics
    return { status: 200, body: JSON.stringify({ value, active: reading.active, ...said }) }
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

/** Throws Invalid where a time is to be signed and nothing is. */
function credentialsOf(parameters: TriggerConfig['parameters']): Credentials {
  const [token, hmacSecret] = [parameters.text('token'), parameters.text('hmacSecret')]
  const scheme = schemeOf(parameters)
  if (scheme.kind !== 'body' && hmacSecret === undefined)
    throw new NsctlError('Invalid', 'there is no secret that a time could be signed with', {
      value: 'hmacSecret',
      next: 'give hmacSecret in a TriggerAuthentication',
    })
  const toleranceMs = parameters.durationMs('tolerance') ?? DEFAULT_TOLERANCE_MS
  return { token, hmacSecret, scheme, toleranceMs }
}

function schemeOf(parameters: TriggerConfig['parameters']): Scheme {
  if (parameters.text('signature') === 'standard-webhooks') return { kind: 'standard' }
  const header = parameters.text('timestampHeader')?.toLowerCase()
  return header === undefined ? { kind: 'body' } : { kind: 'timed', header }
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
