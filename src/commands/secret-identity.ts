import { resolve } from 'node:path'
import * as Flags from '@oclif/core/flags'
import { isNsctlError, NsctlError } from '../core/errors.ts'
import { controlPlaneIdentityOf, identityFileOf } from '../main/paths.ts'
import type { Recipient } from '../resources/generated/types.ts'
import {
  type Identity,
  identityText,
  makeIdentityFile,
  parseIdentities,
  readIdentities,
  writeIdentityFile,
} from '../secrets/identity.ts'
import { toJson } from '../views/output.ts'
import { NsctlCommand, usage } from './base.ts'
import * as shared from './flags.ts'

/** `nsctl secret identity [show|make|export|import]`. */
export class SecretIdentity extends NsctlCommand {
  static override summary = 'Show, back up and bring back what opens Secrets'
  static override description =
    'Your own identity, or with --control-plane that of the control plane on this machine. Whoever has one of them can open every Secret: keep the copy where a password would be kept, or pipe it through age -p. Nothing is ever written over.'
  static override usage = 'secret identity [show | make | export FILE | import FILE] [flags]'
  static override examples = [
    'nsctl secret identity',
    'nsctl secret identity make',
    'nsctl secret identity export /media/usb/nsctl-identity',
    'nsctl secret identity export - --control-plane | age -p > control-plane.age',
    'nsctl secret identity import /media/usb/nsctl-identity',
  ]
  static override args = {
    action: shared.argument({ description: 'show, make, export or import; show where left out.' }),
    file: shared.argument({ description: 'Where the copy is; - is standard output or input.' }),
  }
  static override flags = {
    'control-plane': Flags.boolean({ summary: 'The identity of the control plane on this machine.' }),
    output: Flags.string({ char: 'o', helpValue: 'json', options: ['json'], summary: 'With show: json.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(SecretIdentity)
    const [action = 'show', file] = this.words
    const isControlPlane = flags['control-plane'] === true
    const path = isControlPlane ? controlPlaneIdentityOf(this.context.env) : identityFileOf(this.context.env)
    if (action === 'show') return this.#show(path, flags.output)
    if (action === 'make') return this.#make(path)
    if (action !== 'export' && action !== 'import')
      throw usage(
        `there is no ${JSON.stringify(action)}`,
        'secret identity',
        action,
        'say show, make, export or import',
      )
    if (file === undefined) throw usage('no file was named', 'secret identity', action)
    return action === 'export' ? this.#export(path, file) : this.#import(path, file, isControlPlane)
  }

  async #show(path: string, output: string | undefined): Promise<undefined> {
    const identities = await readIdentities(path).catch((error: unknown) => {
      if (!isNsctlError(error, 'NotFound')) throw error
      const next =
        'nsctl secret identity import FILE brings a copy back; nsctl secret identity make makes a new one'
      throw new NsctlError('NotFound', error.message, { value: path, next })
    })
    const recipients = identities.map(({ recipient }) => recipient)
    this.print(output === 'json' ? toJson({ path, recipients }) : recipients.join('\n'))
    if (output === undefined) this.note(`the secret half is in ${path}`)
  }

  async #make(path: string): Promise<undefined> {
    const { recipient } = await makeIdentityFile(path)
    this.print(`identity ${recipient} made in ${path}`)
  }

  async #export(path: string, file: string): Promise<undefined> {
    const [identity] = await readIdentities(path)
    if (file === '-') return this.print(identityText(identity!)) as undefined
    await writeIdentityFile(resolve(this.context.cwd, file), identity!)
    this.print(`identity ${identity!.recipient} exported to ${file}`)
  }

  async #import(path: string, file: string, isControlPlane: boolean): Promise<undefined> {
    const identity = await this.#read(file)
    await writeIdentityFile(path, identity)
    this.print(`identity ${identity.recipient} imported to ${path}`)
    if (isControlPlane) await this.#noteOther(identity)
  }

  async #read(file: string): Promise<Identity> {
    const identities =
      file === '-'
        ? await parseIdentities((await this.context.readStdin()).toString('utf8'), 'stdin')
        : await readIdentities(resolve(this.context.cwd, file))
    if (identities.length === 1) return identities[0]!
    throw new NsctlError('Invalid', `${file} holds ${identities.length} identities, and this takes one`, {
      value: file,
      next: 'leave the one that is meant in a file of its own',
    })
  }

  /** A control plane with another identity than its store knows opens nothing. */
  async #noteOther({ recipient }: Identity): Promise<void> {
    const client = await this.client('compare')
    const { items } = await client.list<Recipient>(client.kinds.byKind('Recipient'))
    const known = items.filter(({ spec }) => spec.role === 'ControlPlane')
    if (known.length > 0 && !known.some(({ spec }) => spec.key === recipient))
      this.note(`warning: the control plane of ${client.storeUrl} is another: ${known[0]!.spec.key}`)
  }
}
