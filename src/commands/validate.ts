import * as Flags from '@oclif/core/flags'
import { combineFaults } from '../client/manifests.ts'
import { validateOffline } from '../client/offline.ts'
import { withSealing } from '../client/sealing.ts'
import { NsctlCommand } from './base.ts'
import * as shared from './flags.ts'
import { loadFiles, noDocument } from './input.ts'

/** `nsctl validate`: needs no store and no daemon. */
export class Validate extends NsctlCommand {
  static override summary = 'Check manifests without applying them'
  static override description =
    'Reports all faults of all files. Reads no store: namespaces are taken to be there, and kinds of your own are known where their CustomResourceDefinitions are among the files.'
  static override examples = ['nsctl validate -f web.yaml', 'nsctl validate -f . -R']
  static override flags = {
    filename: shared.filename,
    recursive: shared.recursive,
    output: Flags.string({
      char: 'o',
      options: ['json'],
      helpValue: 'json',
      summary: 'json, also for the faults.',
    }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Validate)
    const loaded = await loadFiles(flags, 'validate', this.context)
    const opened = await this.context.openClient({ store: 'memory:' })
    // nobody shall read what is only looked at
    const client = withSealing(opened, () => this.sealer(opened, { isRehearsal: true, isAlone: true }))
    try {
      const { valid, faults, warnings } = await validateOffline(client, loaded.manifests, this.namespace)
      for (const warning of warnings) this.note(`warning: ${warning}`)
      const failures = [...loaded.failed, ...faults]
      if (failures.length > 0) throw combineFaults(failures, summary(valid, failures.length))
      if (valid === 0) throw noDocument(flags)
      if (flags.output === 'json')
        this.print(
          JSON.stringify({ kind: 'Validation', valid, ...(warnings.length > 0 && { warnings }) }, null, 2),
        )
      else this.print(`${valid} ${valid === 1 ? 'document is' : 'documents are'} valid`)
    } finally {
      await client.close()
    }
  }
}

function summary(valid: number, invalid: number): string {
  return `${valid} valid, ${invalid} not`
}
