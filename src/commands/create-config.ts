import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import { API_VERSION } from '../resources/object.ts'
import { NsctlCommand, usage } from './base.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { checkOutput, reportChanges } from './report.ts'
import { valueFlags, valuesOf } from './value-flags.ts'

/** `nsctl create config NAME`. */
export class CreateConfig extends NsctlCommand {
  static override summary = 'Create a Config from values and files'
  static override description =
    'What comes from a file is one of its files, all else its data. Everybody who may read the store may read it: what is secret belongs into a Secret.'
  static override examples = [
    'nsctl create config web --from-literal LOG_LEVEL=info',
    'nsctl create config web --from-file nginx.conf --from-env-file web.env --immutable',
  ]
  static override args = { name: shared.argument({ required: true, description: 'The name of the Config.' }) }
  static override flags = {
    ...valueFlags,
    immutable: Flags.boolean({ summary: 'It can never be changed, only be deleted.' }),
    'dry-run': shared.dryRun,
    output: shared.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(CreateConfig)
    checkOutput(flags.output)
    const name = String(this.words[0])
    const values = await valuesOf(flags, this.context)
    if (values.length === 0)
      throw usage(
        'no value was given',
        'create config',
        name,
        'say --from-literal, --from-file or --from-env-file',
      )
    const data: Record<string, string> = {}
    const files: Record<string, string> = {}
    for (const { key, value, from } of values) (from === 'file' ? files : data)[key] = textOf(key, value)
    const spec = {
      ...(Object.keys(data).length === 0 ? {} : { data }),
      ...(Object.keys(files).length === 0 ? {} : { files }),
      ...(flags.immutable ? { immutable: true } : {}),
    }
    const dryRun = isDryRun(flags['dry-run'])
    const client = await this.client(dryRun ? 'compare' : 'write')
    const result = await client.create(
      {
        object: { apiVersion: API_VERSION, kind: 'Config', metadata: { name }, spec },
        source: 'create config',
      },
      { actor: this.actor(), dryRun, namespace: this.namespace },
    )
    this.print(
      await reportChanges([result], { output: flags.output, dryRun, nowMs: this.context.clock.now() }),
    )
  }
}

function textOf(key: string, value: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value)
  } catch {
    throw new NsctlError('Invalid', `${key} is not UTF-8, and a Config holds text`, {
      value: key,
      next: 'a Secret holds any bytes: nsctl secret create; or install the file with the program',
    })
  }
}
