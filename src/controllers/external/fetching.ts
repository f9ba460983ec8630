/** Fetches what one Secret names, and seals it. Loaded with the first Secret whose values are kept elsewhere. */
import { messageOf } from '../../core/errors.ts'
import type { ObjectCache } from '../../engine/cache.ts'
import type { Recipient, Secret, SecretExternal, SecretSealedValue } from '../../resources/generated/types.ts'
import { ExternalError, type ExternalSource } from '../../secrets/external.ts'
import type { Identity } from '../../secrets/identity.ts'
import { OpenedValues } from '../../secrets/resolve.ts'
import { sealValue } from '../../secrets/value.ts'
import { SecretValueError, type ValueResolver } from '../../secrets/values.ts'
import { checkRecipient } from '../../secrets/x25519.ts'
import { planFetched, selectItems, type Values } from './plan.ts'
import type { FetchedValues } from './status.ts'

export interface FetchingOptions {
  readonly cache: ObjectCache
  /** The control plane's own. Rejects where it has none, or one that Secrets are not sealed to. */
  readonly identities: () => Promise<readonly Identity[]>
  /** What reads `external`. */
  readonly sourceOf: (external: SecretExternal) => Promise<ExternalSource>
  /** What it logs in with. */
  readonly values: ValueResolver
}

/** What is stored of a Secret is one object in every store, and what it has besides is beside it. */
const MAX_SEALED_BYTES = 112 * 1024

export class Fetching {
  readonly #options: FetchingOptions
  readonly #opened: OpenedValues

  constructor(options: FetchingOptions) {
    this.#options = options
    this.#opened = new OpenedValues(options.identities)
  }

  /** @throws ExternalError, SecretValueError, or the signal's reason */
  async fetch(secret: Secret, external: SecretExternal, signal: AbortSignal): Promise<FetchedValues> {
    const namespace = secret.metadata.namespace ?? ''
    const recipients = await this.#recipients()
    const source = await this.#options.sourceOf(external)
    const get = async (secretKeyRef: { readonly name: string; readonly key: string }) =>
      textOf(await this.#options.values.resolve({ secretKeyRef }, namespace))
    const { version, values } = await source.fetch(external, { get }, signal)
    const wanted = selectItems(values, external.items)
    return { version, recipients, ...(await this.#seal(secret, wanted, recipients)) }
  }

  /** All that Secrets are sealed to, and itself: without being able to open them it would take them for changed each time. */
  async #recipients(): Promise<readonly string[]> {
    const own = await this.#options.identities().catch((error: unknown) => {
      throw new SecretValueError('NotOpened', messageOf(error))
    })
    const others = this.#options.cache.list<Recipient>('Recipient')
    for (const one of others) refuseUnusable(one)
    const all = [...own.map(({ recipient }) => recipient), ...others.map(({ spec }) => spec.key)]
    return [...new Set(all)].sort()
  }

  async #seal(
    { metadata, status }: Secret,
    fetched: Values,
    recipients: readonly string[],
  ): Promise<Pick<FetchedValues, 'values' | 'changed'>> {
    const { name, namespace = '' } = metadata
    const stored = status?.fetched ?? {}
    const sameRecipients = recipients.join() === status?.fetchedFor?.join()
    const opened = await this.#openAll(stored, (key) => ({ namespace, name, key }))
    const plan = planFetched({ fetched, stored: Object.keys(stored), opened, sameRecipients })
    const sealed = await Promise.all(
      [...plan.reseal, ...plan.seal].map(async (key): Promise<[string, SecretSealedValue]> => {
        const version = plan.reseal.includes(key) ? stored[key]?.version : undefined
        const value = fetched.get(key) as Uint8Array
        return [key, await sealValue(value, { namespace, name, key }, recipients, version)]
      }),
    )
    const kept = plan.keep.map((key) => [key, stored[key] as SecretSealedValue] as const)
    const values = Object.fromEntries([...kept, ...sealed].sort(([a], [b]) => (a < b ? -1 : 1)))
    refuseTooMuch(values)
    return { values, changed: plan.seal.length + plan.drop.length > 0 }
  }

  /** Without those that cannot be opened: they were sealed to an identity that is lost. */
  async #openAll(
    stored: Readonly<Record<string, SecretSealedValue>>,
    placeOf: (key: string) => { readonly namespace: string; readonly name: string; readonly key: string },
  ): Promise<Values> {
    const opened = new Map<string, Uint8Array>()
    for (const [key, sealed] of Object.entries(stored)) {
      try {
        opened.set(key, await this.#opened.open(sealed, placeOf(key)))
      } catch (error) {
        if (!(error instanceof SecretValueError)) throw error
      }
    }
    return opened
  }
}

function refuseUnusable({ metadata: { name }, spec }: Recipient): void {
  try {
    checkRecipient(spec.key)
  } catch (error) {
    throw new ExternalError(
      'Unusable',
      `nothing can be sealed to the Recipient ${name}: ${messageOf(error)}`,
      {
        next: `nsctl secret recipients remove ${name}`,
      },
    )
  }
}

function refuseTooMuch(values: Readonly<Record<string, SecretSealedValue>>): void {
  if (Buffer.byteLength(JSON.stringify(values)) <= MAX_SEALED_BYTES) return
  throw new ExternalError('Unusable', 'it is too large: all values of a Secret, sealed, may have 112KiB', {
    next: 'name what is needed in spec.external.items, or keep large files elsewhere',
  })
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
