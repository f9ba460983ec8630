import { NsctlError } from '../core/errors.ts'
import { API_VERSION } from '../resources/object.ts'
import { usage } from './base.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { checkOutput } from './report.ts'
import { identityFlag, SecretCommand } from './secret-command.ts'
import { ARGUMENTS_ARE_SEEN, type SecretValueFlags, secretValueFlags } from './value-flags.ts'

const flags = {
  ...secretValueFlags,
  identity: identityFlag,
  'dry-run': shared.dryRun,
  output: shared.changeOutput,
}

const DESCRIPTION =
  'Values are sealed here, before they go anywhere: to the operators and the control plane. The first time, your identity is made for it. Whoever has none and shall have none, such as a machine that only seals, sets NSCTL_IDENTITY=none. Exits 4 where the Secret is there already, and 1 where a recipient is new to you.'

interface Given extends SecretValueFlags {
  readonly identity?: readonly string[] | undefined
  readonly 'dry-run'?: string | undefined
  readonly output?: string | undefined
}

abstract class SecretMaking extends SecretCommand {
  protected async make(name: string, given: Given): Promise<void> {
    checkOutput(given.output)
    if (given['from-literal'] !== undefined) this.note(ARGUMENTS_ARE_SEEN)
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun ? 'compare' : 'write')
    const values = await this.values(given, client)
    if (values.size === 0)
      throw usage(
        'no value was given',
        this.id ?? 'secret create',
        name,
        'say --from-file KEY=PATH, --from-env-file or --from-literal',
      )
    const data = Object.fromEntries(
      [...values].map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    )
    const result = await client.create(
      {
        object: { apiVersion: API_VERSION, kind: 'Secret', metadata: { name }, data },
        source: 'secret create',
      },
      { actor: this.actor(), dryRun, namespace: this.namespace },
    )
    await this.report(result, { output: given.output, dryRun })
  }
}

/** `nsctl secret create NAME`. */
export class SecretCreate extends SecretMaking {
  static override summary = 'Seal values into a new Secret'
  static override description = DESCRIPTION
  static override examples = [
    'nsctl secret create db --from-file password=- < password.txt',
    'nsctl secret create tls --from-file tls.crt --from-file tls.key',
    'nsctl secret create db --from-env-file db.env',
    'nsctl secret create db --from-sops db.sops.yaml --identity ~/.config/sops/age/keys.txt',
  ]
  static override args = { name: shared.argument({ required: true, description: 'The name of the Secret.' }) }
  static override flags = flags

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(SecretCreate)
    await this.make(String(this.words[0]), given)
  }
}

/** `nsctl create secret generic NAME`, as with kubectl. */
export class CreateSecret extends SecretMaking {
  static override summary = 'Seal values into a new Secret'
  static override description = `As kubectl has it; nsctl secret create is the same. ${DESCRIPTION}`
  static override usage = 'create secret generic NAME [flags]'
  static override examples = [
    'nsctl create secret generic db --from-file password=- < password.txt',
    'nsctl create secret generic db --from-literal user=shop',
  ]
  static override args = {
    type: shared.argument({ required: true, description: 'generic, the one type that there is.' }),
    name: shared.argument({ required: true, description: 'The name of the Secret.' }),
  }
  static override flags = flags

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(CreateSecret)
    const [type = '', name = ''] = this.words
    if (type !== 'generic')
      throw new NsctlError('Usage', `there is no type ${JSON.stringify(type)} of Secrets`, {
        value: type,
        next: 'write nsctl create secret generic NAME; a certificate is two keys: --from-file tls.crt --from-file tls.key',
      })
    await this.make(name, given)
  }
}
