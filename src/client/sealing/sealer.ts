/** Whom this user seals to and what opens with his identity, in one store. */
import { existsSync } from 'node:fs'
import { isNsctlError, NsctlError } from '../../core/errors.ts'
import { formatCount } from '../../core/words.ts'
import type { SecretSpec } from '../../resources/generated/types.ts'
import type { AnyResource, ObjectRef } from '../../resources/object.ts'
import {
  type Identity,
  identityAt,
  makeIdentityFile,
  newIdentity,
  readIdentities,
} from '../../secrets/identity.ts'
import type { Client } from '../client.ts'
import { type KnownRecipients, noteKnown, readKnown } from './known.ts'
import { listRecipients, makeRecipient, type NamedRecipient, newRecipients } from './recipients.ts'
import { refuseNew } from './trust.ts'

export interface SealerOptions {
  /** The operator's identity, made where there is none; undefined where none is to be used. */
  readonly identityFile: string | undefined
  /** More identities to open with, as files. */
  readonly identities?: readonly string[]
  /** Which recipients were accepted. */
  readonly knownFile: string
  /** Where the control plane of this store has its identity, if that is this user's own. */
  readonly controlPlaneFile?: string | undefined
  /** `ada@laptop`: who the operator is, for the name of his recipient. */
  readonly userName: string
  readonly host: string
  /** Writes nothing anywhere. */
  readonly isRehearsal?: boolean
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
      recipients ??= chooseRecipients(client, options, forget)
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

async function readOwn(options: SealerOptions): Promise<readonly Identity[]> {
  const { identityFile, controlPlaneFile } = options
  const found: Identity[] = []
  for (const path of options.identities ?? []) found.push(...(await readIdentities(path)))
  if (identityFile !== undefined && existsSync(identityFile))
    found.push(...(await readIdentities(identityFile)))
  // of the embedded store the control plane is this user
  if (controlPlaneFile !== undefined && existsSync(controlPlaneFile))
    found.push(...(await readIdentities(controlPlaneFile).catch(unlessAnothers)))
  return found
}

async function chooseRecipients(
  client: Client,
  options: SealerOptions,
  forget: () => void,
): Promise<readonly string[]> {
  if (options.recipients !== undefined) return options.recipients
  const known =
    options.isRehearsal && client.storeUrl === 'memory:'
      ? undefined
      : await readKnown(options.knownFile, client.storeUrl)
  const stored = await listRecipients(client)
  const operator = await operatorOf(options)
  if (operator?.isNew) forget()
  const added: NamedRecipient[] = []
  const make = async (wanted: NamedRecipient) => {
    const made = options.isRehearsal ? wanted : await makeRecipient(client, wanted, stored, options.userName)
    added.push(made)
    return made
  }
  if (operator !== undefined && !stored.some(({ key }) => key === operator.key)) {
    // who was taken out of the recipients does not put himself back in
    if (known === undefined || operator.isNew) {
      const made = await make({
        name: operatorName(options),
        key: operator.key,
        role: 'Operator',
        comment: `${options.userName} on ${options.host}`,
      })
      if (!options.isRehearsal)
        options.note(
          `recipient/${made.name} created: what is sealed here from now on opens with your identity`,
        )
    } else
      options.note(
        `warning: your identity is none of the recipients: you will not be able to open what you seal (nsctl secret recipients list)`,
      )
  }
  const own = new Set<string>(operator === undefined ? [] : [operator.key])
  const controlPlane = await controlPlaneOf(options)
  if (controlPlane !== undefined) own.add(controlPlane)
  if (!stored.some(({ role }) => role === 'ControlPlane')) {
    if (controlPlane !== undefined) {
      await make({
        name: 'control-plane',
        key: controlPlane,
        role: 'ControlPlane',
        comment: `the control plane on ${options.host}`,
      })
      forget()
    } else
      options.note(
        'warning: the control plane has no identity yet, so this is sealed to operators alone and no service can have it: run nsctl secret rekey --all after its first start',
      )
  }
  const all = [...stored, ...added]
  if (all.length === 0)
    throw new NsctlError('Failed', `there is nobody in ${client.storeUrl} to seal to`, {
      next: 'add whoever is to open it: nsctl secret recipients add NAME age1…',
    })
  const news = newRecipients(all, known, own)
  refuseNew(news, known)
  if (!options.isRehearsal) await noteAccepted(client, { all, known, own, options })
  return all.map(({ key }) => key)
}

async function noteAccepted(
  client: Client,
  {
    all,
    known,
    own,
    options,
  }: {
    readonly all: readonly NamedRecipient[]
    readonly known: KnownRecipients | undefined
    readonly own: ReadonlySet<string>
    readonly options: SealerOptions
  },
): Promise<void> {
  const changes = new Map<string, string | undefined>()
  for (const name of known?.keys() ?? [])
    if (!all.some((one) => one.name === name)) changes.set(name, undefined)
  for (const { name, key } of all) if (known?.get(name) !== key) changes.set(name, key)
  await noteKnown(options.knownFile, client.storeUrl, changes)
  const others = all.filter(({ key }) => !own.has(key))
  if (known === undefined && others.length > 0)
    options.note(
      `seals for the first time in ${client.storeUrl}, and takes ${formatCount(others.length, 'recipient')} there for right: ${others
        .map(({ name, key }) => `${name} ${key}`)
        .join(', ')}`,
    )
}

async function operatorOf(
  options: SealerOptions,
): Promise<{ readonly key: string; readonly isNew: boolean } | undefined> {
  const { identityFile, isRehearsal } = options
  if (identityFile === undefined) return undefined
  if (existsSync(identityFile)) {
    const [first] = await readIdentities(identityFile)
    return first && { key: first.recipient, isNew: false }
  }
  if (isRehearsal) return { key: (await newIdentity()).recipient, isNew: true }
  const made = await makeIdentityFile(identityFile).catch((error: unknown) => {
    // another command of this user was faster
    if (isNsctlError(error, 'AlreadyExists')) return identityAt(identityFile)
    throw error
  })
  options.note(
    `${identityFile} made: it opens what you seal. Keep a copy elsewhere (nsctl secret identity export FILE)`,
  )
  return { key: made.recipient, isNew: true }
}

async function controlPlaneOf({ controlPlaneFile, isRehearsal }: SealerOptions): Promise<string | undefined> {
  if (controlPlaneFile === undefined) return undefined
  if (existsSync(controlPlaneFile))
    return (await readIdentities(controlPlaneFile).catch(unlessAnothers))[0]?.recipient
  if (isRehearsal) return (await newIdentity()).recipient
  return (await identityAt(controlPlaneFile)).recipient
}

/** A control plane that another user runs keeps its identity for itself. */
function unlessAnothers(error: unknown): readonly Identity[] {
  if (isNsctlError(error, 'Failed')) return []
  throw error
}

/** A name that an object can have. */
function operatorName({ userName, host }: SealerOptions): string {
  const words = `operator-${userName}-${host}`.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  return words.slice(0, 60).replace(/-+$/, '')
}
