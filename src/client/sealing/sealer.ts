/** Whom this user seals to and what opens with his identity, in one store. */
import { NsctlError } from '../../core/errors.ts'
import { formatCount } from '../../core/words.ts'
import type { SecretSpec } from '../../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import type { Identity } from '../../secrets/identity.ts'
import type { Client } from '../client.ts'
import { controlPlaneKey, type IdentityPlaces, operatorKey, readOwn } from './identities.ts'
import { type KnownRecipients, noteKnown, readKnown } from './known.ts'
import { listRecipients, makeRecipient, type NamedRecipient, newRecipients } from './recipients.ts'
import { refuseNew } from './trust.ts'

export interface SealerOptions extends IdentityPlaces {
  /** Which recipients were accepted. */
  readonly knownFile: string
  /** `ada@laptop`: who the operator is, for the name of his recipient. */
  readonly userName: string
  readonly host: string
  /** Seals to these instead of asking the store. */
  readonly recipients?: readonly string[]
  /** Says something to the user. */
  readonly note: (text: string) => void
}

export interface Sealer {
  /** What is said to the user goes here. */
  note(text: string): void
  /** The same for something that is not to be written. */
  rehearsing(): Sealer
  /** What can be opened with; empty where this user has no identity. */
  identities(): Promise<readonly Identity[]>
  /**
   * Whom to seal to. Makes the operator's identity, and the control plane's where that is this user's, and adds both to the store, if
   * they are missing.
   *
   * @throws NsctlError Failed where one of the store's recipients is new to this user, or there is none
   */
  recipients(): Promise<readonly string[]>
  /** The stored Secret, for what is kept of it. */
  stored(ref: ObjectRef): Promise<AnyResource | undefined>
}

/** A sealer over a client that does not seal itself. */
export function createSealer(client: Client, options: SealerOptions): Sealer {
  let identities: Promise<readonly Identity[]> | undefined
  let recipients: Promise<readonly string[]> | undefined
  const forget = () => {
    identities = undefined
  }
  const sealer: Sealer = {
    note: options.note,
    rehearsing: () =>
      options.isRehearsal ? sealer : createSealer(client, { ...options, isRehearsal: true }),
    identities() {
      identities ??= readOwn(options)
      return identities
    },
    recipients() {
      recipients ??= new Choice(client, options, forget).make()
      return recipients
    },
    stored: (ref) => client.get(ref),
  }
  return sealer
}

/** What is stored of a Secret's values. */
export function specOf(object: AnyResource | undefined): SecretSpec {
  return (object?.spec ?? {}) as SecretSpec
}

/** Whom to seal to, chosen once. */
class Choice {
  readonly #client: Client
  readonly #options: SealerOptions
  /** What was read of identities is not all of them any more. */
  readonly #forget: () => void
  #stored: readonly NamedRecipient[] = []
  readonly #added: NamedRecipient[] = []
  /** Keys whose identity this user has himself. */
  readonly #own = new Set<string>()

  constructor(client: Client, options: SealerOptions, forget: () => void) {
    this.#client = client
    this.#options = options
    this.#forget = forget
  }

  async make(): Promise<readonly string[]> {
    const { storeUrl } = this.#client
    const { isRehearsal, knownFile, recipients } = this.#options
    if (recipients !== undefined) return recipients
    // what stands for a store that is not there is nobody's
    const isNothing = isRehearsal === true && storeUrl === 'memory:'
    const known = isNothing ? undefined : await readKnown(knownFile, storeUrl)
    this.#stored = await listRecipients(this.#client)
    await this.#addOperator(known)
    await this.#addControlPlane()
    const all = [...this.#stored, ...this.#added]
    if (all.length === 0)
      throw new NsctlError('Failed', `there is nobody in ${storeUrl} to seal to`, {
        next: 'add whoever is to open it: nsctl secret recipients add NAME age1…',
      })
    refuseNew(newRecipients(all, known, this.#own), known)
    if (isRehearsal !== true) await this.#noteAccepted(all, known)
    return all.map(({ key }) => key)
  }

  async #addOperator(known: KnownRecipients | undefined): Promise<void> {
    const { note, identityFile, isRehearsal, userName, host } = this.#options
    const operator = await operatorKey(this.#options)
    if (operator === undefined) return
    const { key, isNew } = operator
    this.#own.add(key)
    if (isNew) this.#forget()
    if (isNew && !isRehearsal)
      note(
        `${identityFile} made: it opens what you seal. Keep a copy elsewhere (nsctl secret identity export FILE)`,
      )
    if (this.#stored.some((one) => one.key === key)) return
    // who was taken out of the recipients does not put himself back in
    if (known !== undefined && !isNew)
      return note(
        'warning: your identity is none of the recipients: you will not be able to open what you seal (nsctl secret recipients list)',
      )
    const name = operatorName(this.#options)
    const made = await this.#add({ name, key, role: 'Operator', comment: `${userName} on ${host}` })
    if (!isRehearsal)
      note(`recipient/${made.name} created: what is sealed here from now on opens with your identity`)
  }

  /** Where the store is this user's own, its control plane is too: it may be sealed to before its first start. */
  async #addControlPlane(): Promise<void> {
    const { note, host } = this.#options
    const isThere = this.#stored.some(({ role }) => role === 'ControlPlane')
    // one that is there and whose identity is lost is to be brought back, not to be made anew
    const key = await controlPlaneKey(this.#options, !isThere)
    if (key !== undefined) this.#own.add(key)
    if (isThere) return
    if (key === undefined)
      return note(
        'warning: the control plane has no identity yet, so this is sealed to operators alone and no service can have it: run nsctl secret rekey --all after its first start',
      )
    await this.#add({
      name: 'control-plane',
      key,
      role: 'ControlPlane',
      comment: `the control plane on ${host}`,
    })
    this.#forget()
  }

  async #add(wanted: NamedRecipient): Promise<NamedRecipient> {
    const { isRehearsal, userName } = this.#options
    const made = isRehearsal ? wanted : await makeRecipient(this.#client, wanted, this.#stored, userName)
    this.#added.push(made)
    return made
  }

  async #noteAccepted(all: readonly NamedRecipient[], known: KnownRecipients | undefined): Promise<void> {
    const { note, knownFile } = this.#options
    const { storeUrl } = this.#client
    const changes = new Map<string, string | undefined>()
    for (const name of known?.keys() ?? [])
      if (!all.some((one) => one.name === name)) changes.set(name, undefined)
    for (const { name, key } of all) if (known?.get(name) !== key) changes.set(name, key)
    await noteKnown(knownFile, storeUrl, changes)
    const others = all.filter(({ key }) => !this.#own.has(key))
    if (known !== undefined || others.length === 0) return
    const listed = others.map(({ name, key }) => `${name} ${key}`).join(', ')
    note(
      `seals for the first time in ${storeUrl}, and takes ${formatCount(others.length, 'recipient')} there for right: ${listed}`,
    )
  }
}

/** A name that an object can have. */
function operatorName({ userName, host }: SealerOptions): string {
  const words = `operator-${userName}-${host}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return words.slice(0, 60).replace(/-+$/, '')
}
