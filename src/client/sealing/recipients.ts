/** The Recipients of a store. */
import { isNsctlError } from '../../core/errors.ts'
import type { Recipient, SecretSpec } from '../../resources/generated/types.ts'
import { type AnyResource, API_VERSION } from '../../resources/object.ts'
import type { Client } from '../client.ts'
import type { KnownRecipients } from './known.ts'
import { isSameSet } from './seal.ts'

export interface NamedRecipient {
  readonly name: string
  readonly key: string
  readonly role: Recipient['spec']['role']
  readonly comment?: string
}

/** In order of name. */
export async function listRecipients(client: Client): Promise<readonly NamedRecipient[]> {
  const { items } = await client.list<Recipient>(client.kinds.byKind('Recipient'))
  return items
    .map(({ metadata: { name }, spec: { key, role, comment } }) => ({
      name,
      key,
      role,
      ...(comment === undefined ? {} : { comment }),
    }))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** Adds it, under another name where that one is taken by another key. Whoever adds the same at the same time has done it. */
export async function makeRecipient(
  client: Client,
  wanted: NamedRecipient,
  stored: readonly NamedRecipient[],
  userName: string,
): Promise<NamedRecipient> {
  for (let attempt = 1; ; attempt++) {
    const name = attempt === 1 ? wanted.name : `${wanted.name}-${attempt}`
    if (stored.some((one) => one.name === name)) continue
    const { key, role, comment } = wanted
    const object = {
      apiVersion: API_VERSION,
      kind: 'Recipient',
      metadata: { name },
      spec: { key, role, ...(comment === undefined ? {} : { comment }) },
    }
    try {
      await client.create({ object, source: 'secret recipients' }, { actor: { name: userName } })
      return { ...wanted, name }
    } catch (error) {
      if (!isNsctlError(error, 'AlreadyExists')) throw error
      const there = await client.get<Recipient>({ kind: 'Recipient', name })
      if (there?.spec.key === key) return { ...wanted, name }
      // the control plane is one: another's is for its user to look at
      if (role === 'ControlPlane' || attempt === 100) throw error
    }
  }
}

/** Recipients that this user has not accepted: at the first use of a store there are none. */
export function newRecipients(
  recipients: readonly NamedRecipient[],
  known: KnownRecipients | undefined,
  own: ReadonlySet<string>,
): readonly NamedRecipient[] {
  if (known === undefined) return []
  const accepted = new Set([...known.values(), ...own])
  return recipients.filter(({ key }) => !accepted.has(key))
}

/** An old revision is sealed to whom it was sealed then. */
export async function noteOlderRecipients(
  client: Client,
  { metadata: { name }, spec }: AnyResource,
  note: (text: string) => void,
): Promise<void> {
  const { recipients = [], external } = (spec ?? {}) as SecretSpec
  const present = (await listRecipients(client)).map(({ key }) => key)
  if (external === undefined && !isSameSet(recipients, present))
    note(`secret/${name} is sealed to the recipients of that revision: nsctl secret rekey ${name}`)
}
