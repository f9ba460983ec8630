/** Secrets whose values are kept elsewhere: looked at every so often, and sealed into their status. */
import type { ResourceController, ResourceReader } from '../../api/api.ts'
import type { Clock } from '../../core/clock.ts'
import type { Json } from '../../core/json.ts'
import { parseDurationMs } from '../../core/quantity.ts'
import { type ControllerSpec, refKey } from '../../engine/controller.ts'
import { type Outcome, recheck, settled } from '../../engine/reconciler.ts'
import { findCondition } from '../../resources/conditions.ts'
import type { Secret, SecretExternal, SecretStatus } from '../../resources/generated/types.ts'
import { type ObjectRef, refOfObject } from '../../resources/object.ts'
import type { Fetching, FetchingOptions } from './fetching.ts'
import {
  type Failure,
  FETCHED,
  type FetchedValues,
  failureOf,
  type StatusFacts,
  statusFailed,
  statusFetched,
  statusWithout,
} from './status.ts'
import { externalWatches } from './watches.ts'

export type ExternalApi = Pick<ResourceController, 'amendStatus' | 'recordEvent'> &
  Pick<ResourceReader, 'get'>

export interface ExternalControllerOptions extends FetchingOptions {
  readonly api: ExternalApi
  readonly clock: Clock
}

/** Where looking fails it is tried again so soon, though a Secret may ask for a look an hour. */
const RETRY_MS = 30_000

/** Keeps `status.fetched` of Secrets with `spec.external` as it is where the values are kept. */
export function externalController(options: ExternalControllerOptions): ControllerSpec {
  return {
    name: 'external',
    watches: externalWatches(options.cache),
    reconciler: new ExternalReconciler(options),
    concurrency: 8,
  }
}

class ExternalReconciler {
  readonly #options: ExternalControllerOptions
  #fetching: Promise<Fetching> | undefined
  /** When each Secret's values last were seen to be right. Not stored: that would be a write with every look. */
  readonly #seenAt = new Map<string, string>()

  constructor(options: ExternalControllerOptions) {
    this.#options = options
  }

  async reconcile(ref: ObjectRef, signal: AbortSignal): Promise<Outcome> {
    // not of the cache: with what it wrote last missing there, it would take equal values for new ones
    const secret = await this.#options.api.get<Secret>(ref)
    if (secret?.spec.external === undefined) this.#seenAt.delete(refKey(ref))
    if (secret === undefined || secret.metadata.deletionTimestamp !== undefined) return settled
    const { external, immutable } = secret.spec
    if (external === undefined) return await this.#forget(secret)
    if (immutable && secret.status?.fetched !== undefined) return settled
    const everyMs = parseDurationMs(external.refresh)
    try {
      await this.#succeeded(secret, await this.#fetch(secret, external, signal))
      return recheck(everyMs, 'the next look at where its values are kept')
    } catch (error) {
      signal.throwIfAborted()
      const failure = failureOf(error)
      if (failure === undefined) throw error
      await this.#failed(secret, failure)
      const afterMs = Math.max(Math.min(everyMs, RETRY_MS), failure.retryAfterMs ?? 0)
      return recheck(afterMs, failure.message)
    }
  }

  async #fetch(secret: Secret, external: SecretExternal, signal: AbortSignal): Promise<FetchedValues> {
    this.#fetching ??= import('./fetching.ts').then(({ Fetching: Loaded }) => new Loaded(this.#options))
    return await (await this.#fetching).fetch(secret, external, signal)
  }

  async #succeeded(secret: Secret, fetched: FetchedValues): Promise<void> {
    const before = findCondition(secret.status?.conditions, FETCHED)
    await this.#amend(secret, (status) => statusFetched(status, fetched, this.#facts(secret)))
    this.#seenAt.set(refKey(refOfObject(secret)), this.#now())
    if (fetched.changed || before?.status === 'False')
      await this.#tell(secret, 'Normal', 'Fetched', fetched.version)
    const told = secret.status?.fetchedFor ?? fetched.recipients
    const others = fetched.recipients.filter((one) => !told.includes(one))
    // nobody is asked whether he trusts them, as a client asks: so it is said at least
    if (others.length > 0)
      await this.#tell(
        secret,
        'Warning',
        'RecipientsAdded',
        `sealed to ${others.join(', ')} as well from now on`,
      )
  }

  async #failed(secret: Secret, failure: Failure): Promise<void> {
    const before = findCondition(secret.status?.conditions, FETCHED)
    await this.#amend(secret, (status) => statusFailed(status, failure, this.#facts(secret)))
    if (before?.status !== 'False' || before.reason !== failure.reason)
      await this.#tell(secret, 'Warning', `Fetch${failure.reason}`, failure.message)
  }

  /** Its values are sealed here now. */
  async #forget(secret: Secret): Promise<Outcome> {
    if (
      secret.status?.fetched !== undefined ||
      findCondition(secret.status?.conditions, FETCHED) !== undefined
    )
      await this.#amend(secret, statusWithout)
    return settled
  }

  async #amend(secret: Secret, amend: (status: SecretStatus | undefined) => SecretStatus): Promise<void> {
    await this.#options.api.amendStatus(
      refOf(secret),
      (status) => amend(status as unknown as SecretStatus | undefined) as Json,
    )
  }

  async #tell(secret: Secret, type: 'Normal' | 'Warning', reason: string, message: string): Promise<void> {
    await this.#options.api.recordEvent({ about: refOf(secret), type, reason, message, source: 'external' })
  }

  #facts(secret: Secret): StatusFacts {
    const { generation } = secret.metadata
    return { now: this.#now(), generation, seenAt: this.#seenAt.get(refKey(refOfObject(secret))) }
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString()
  }
}

function refOf({ metadata: { namespace, name, uid } }: Secret): ObjectRef & { readonly uid?: string } {
  return { kind: 'Secret', namespace, name, uid }
}
