import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import { API_VERSION } from '../resources/object.ts'
import { toJson, toYamlText } from '../views/output.ts'
import { usage } from './base.ts'
import * as shared from './flags.ts'
import { identityFlag, SecretCommand } from './secret-command.ts'

/** `nsctl secret reveal NAME [KEY]`. */
export class SecretReveal extends SecretCommand {
  static override summary = 'Open a Secret and print its values'
  static override description =
    'Needs an identity that it is sealed to. With a key, its value as it is, byte for byte; without, all of them in a form that nsctl apply takes back. Exits 1 where it is not there or cannot be opened.'
  static override examples = [
    'nsctl secret reveal db password',
    'nsctl secret reveal tls tls.key > tls.key',
    'nsctl secret reveal db -o json',
  ]
  static override args = {
    name: shared.argument({ required: true, description: 'The name of the Secret.' }),
    key: shared.argument({ description: 'One of its keys.' }),
  }
  static override flags = {
    identity: identityFlag,
    output: Flags.string({
      char: 'o',
      helpValue: 'raw|yaml|json',
      options: ['raw', 'yaml', 'json'],
      summary: 'raw, which is what a key alone gives; yaml, which is what all of them give; json.',
    }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(SecretReveal)
    const [name = '', key] = this.words
    const format = flags.output ?? (key === undefined ? 'yaml' : 'raw')
    if (format === 'raw' && key === undefined)
      throw usage('raw is the value of one key, and none was named', 'secret reveal', 'raw')
    const client = await this.client('read')
    const { mustGetSecret, openSecret } = await import('../client/sealing/stored.ts')
    const secret = await mustGetSecret(client, this.secretRef(name))
    const identities = await (await this.sealerWith(client, flags.identity)).identities()
    const opened = await openSecret(secret, identities, key === undefined ? undefined : [key])
    if (format === 'raw') return this.#printRaw(key!, opened.get(key!)!)
    const document = { apiVersion: API_VERSION, kind: 'Secret', metadata: { name }, ...documentOf(opened) }
    this.print(format === 'json' ? toJson(document) : await toYamlText(document))
  }

  #printRaw(key: string, value: Uint8Array): undefined {
    const { stdout } = this.context
    const text = textOf(value)
    if (!stdout.isTTY) stdout.writeBytes(value)
    else if (text === undefined)
      throw new NsctlError('Usage', `the value of ${key} is binary, and this is a terminal`, {
        value: key,
        next: 'send it into a file: nsctl secret reveal NAME KEY > FILE',
      })
    // a terminal's next line begins at its left
    else this.print(text)
  }
}

/** As a manifest has them. */
function documentOf(values: ReadonlyMap<string, Uint8Array>): object {
  const stringData: Record<string, string> = {}
  const data: Record<string, string> = {}
  for (const [key, value] of values) {
    const text = textOf(value)
    if (text === undefined) data[key] = Buffer.from(value).toString('base64')
    else stringData[key] = text
  }
  return {
    ...(Object.keys(stringData).length === 0 ? {} : { stringData }),
    ...(Object.keys(data).length === 0 ? {} : { data }),
  }
}

/** Undefined for what is no text, or would drive a terminal. */
export function textOf(value: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
    return /[^\P{Cc}\t\n\r]/u.test(text) ? undefined : text
  } catch {
    return undefined
  }
}
