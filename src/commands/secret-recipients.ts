import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import { noteKnown, readKnown } from '../client/sealing/known.ts'
import { listRecipients, type NamedRecipient } from '../client/sealing/recipients.ts'
import { NsctlError } from '../core/errors.ts'
import { identityFileOf, knownRecipientsOf } from '../main/paths.ts'
import { API_VERSION } from '../resources/object.ts'
import { toJson } from '../views/output.ts'
import { renderRows } from '../views/table.ts'
import { usage } from './base.ts'
import * as shared from './flags.ts'
import { SecretCommand } from './secret-command.ts'

const REKEY = 'nsctl secret rekey --all -A'

/** `nsctl secret recipients [list|add|remove|trust]`. */
export class SecretRecipients extends SecretCommand {
  static override summary = 'Whom Secrets are sealed to: list, add, remove, trust'
  static override description =
    'Every client remembers the recipients that it has seen in a store, as ssh does hosts, and seals to no other one before its user has said trust: whoever can write to the store must not make himself a reader. What is sealed already stays as it is until nsctl secret rekey.'
  static override usage = 'secret recipients [list | add NAME KEY | remove NAME | trust NAME] [flags]'
  static override examples = [
    'nsctl secret recipients',
    'nsctl secret recipients add bob age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p',
    'nsctl secret recipients add ci "$(cat id_ed25519.pub)"',
    'nsctl secret recipients trust bob',
    'nsctl secret recipients remove bob',
  ]
  static override args = {
    action: shared.argument({
      multiple: true,
      description:
        'list; add with a name and a key, age1… or a public ssh-ed25519 key; remove or trust with a name.',
    }),
  }
  static override flags = {
    comment: Flags.string({
      helpValue: 'TEXT',
      summary: 'With add: who or which machine holds the identity.',
    }),
    output: Flags.string({ char: 'o', helpValue: 'json', options: ['json'], summary: 'With list: json.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(SecretRecipients)
    const [action = 'list', name, ...key] = this.words
    if (action === 'list') return this.#list(flags.output)
    if (!['add', 'remove', 'trust'].includes(action))
      throw usage(
        `there is no ${JSON.stringify(action)}`,
        'secret recipients',
        action,
        'say list, add, remove or trust',
      )
    if (name === undefined) throw usage('no recipient was named', 'secret recipients', action)
    if (action === 'add') return this.#add(name, key.join(' '), flags.comment)
    if (key.length > 0) throw usage(`${action} takes one name`, 'secret recipients', key.join(' '))
    return action === 'remove' ? this.#remove(name) : this.#trust(name)
  }

  async #list(output: string | undefined): Promise<undefined> {
    const client = await this.client('read')
    const recipients = await listRecipients(client)
    const known = await readKnown(this.#knownFile, client.storeUrl)
    const own = await this.#ownKey()
    const standing = ({ name, key }: NamedRecipient) =>
      key === own
        ? 'you'
        : known?.get(name) === key || [...(known?.values() ?? [])].includes(key)
          ? 'yes'
          : 'no'
    if (output === 'json')
      return this.print(toJson(recipients.map((one) => ({ ...one, known: standing(one) })))) as undefined
    if (recipients.length === 0)
      return this.note(
        'there is no recipient yet: nsctl secret create makes you one, nsctl up the control plane',
      ) as undefined
    const rows = recipients.map((one) => [one.name, one.role, standing(one), one.key, one.comment ?? ''])
    this.print(renderRows([['NAME', 'ROLE', 'KNOWN', 'KEY', 'COMMENT'], ...rows]))
  }

  async #add(name: string, given: string, comment: string | undefined): Promise<undefined> {
    const key = await recipientKey(given)
    const client = await this.client('write')
    const object = {
      apiVersion: API_VERSION,
      kind: 'Recipient',
      metadata: { name },
      spec: { key, role: 'Operator', ...(comment === undefined ? {} : { comment }) },
    }
    const same = (await listRecipients(client)).find((one) => one.key === key)
    if (same !== undefined)
      throw new NsctlError('AlreadyExists', `recipient/${same.name} has that key already`, { value: key })
    // at the first use of a store whoever is there is looked at, too, before anybody is added
    if ((await readKnown(this.#knownFile, client.storeUrl)) === undefined)
      await (await this.sealer(client)).recipients()
    await client.create({ object, source: 'secret recipients' }, { actor: this.actor('secret recipients') })
    await noteKnown(this.#knownFile, client.storeUrl, new Map([[name, key]]))
    this.print(`recipient/${name} created   ${key}`)
    this.note(`what is sealed already is not yet for it: ${REKEY}`)
  }

  async #remove(name: string): Promise<undefined> {
    const client = await this.client('write')
    const { role } = await this.#mustHave(client, name)
    await client.delete({ kind: 'Recipient', name }, { actor: this.actor('secret recipients') })
    await noteKnown(this.#knownFile, client.storeUrl, new Map([[name, undefined]]))
    this.print(`recipient/${name} deleted`)
    this.note(
      role === 'ControlPlane'
        ? `the control plane can have nothing that is sealed from now on, and no service can: nsctl up makes it a recipient again`
        : `it can still open what was sealed to it: ${REKEY}, then give what it has seen new values (nsctl secret rotate)`,
    )
  }

  async #trust(name: string): Promise<undefined> {
    const client = await this.client('read')
    const { key } = await this.#mustHave(client, name)
    const known = await readKnown(this.#knownFile, client.storeUrl)
    if (known?.get(name) === key) return this.print(`recipient/${name} unchanged   ${key}`) as undefined
    await noteKnown(this.#knownFile, client.storeUrl, new Map([[name, key]]))
    this.print(`recipient/${name} trusted   ${key}`)
    this.note(`what is sealed from now on is sealed to it too; what is sealed already: ${REKEY}`)
  }

  async #mustHave(client: Client, name: string): Promise<NamedRecipient> {
    const recipients = await listRecipients(client)
    const found = recipients.find((one) => one.name === name)
    if (found !== undefined) return found
    throw new NsctlError('NotFound', `there is no recipient ${JSON.stringify(name)} in ${client.storeUrl}`, {
      value: name,
      next:
        recipients.length === 0
          ? 'there is none at all'
          : `there are ${recipients.map((one) => one.name).join(', ')}`,
    })
  }

  get #knownFile(): string {
    return knownRecipientsOf(this.context.env)
  }

  /** Undefined for who has no identity, or none that can be read: what others have can be listed without. */
  async #ownKey(): Promise<string | undefined> {
    const { readIdentities } = await import('../secrets/identity.ts')
    const [own] = await readIdentities(identityFileOf(this.context.env)).catch(() => [])
    return own?.recipient
  }
}

/** An age recipient as it is, a public ssh key as the recipient that it is. Invalid for all else. */
export async function recipientKey(given: string): Promise<string> {
  const text = given.trim()
  if (/(^|\s)(ssh|ecdsa|sk)-/.test(text)) return (await import('../secrets/ssh.ts')).recipientOfSshKey(text)
  if (/AGE-SECRET-KEY-|PRIVATE KEY/i.test(text))
    throw new NsctlError('Invalid', 'this is an identity, the secret half of a key, and no recipient', {
      next: 'give the public half, age1…; and since this one was typed, make another: age-keygen',
    })
  const { checkRecipient } = await import('../secrets/x25519.ts')
  checkRecipient(text)
  return text
}
