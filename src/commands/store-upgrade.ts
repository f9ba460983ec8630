import * as Flags from '@oclif/core/flags'
import { StoreCommand } from './store-command.ts'

/** `nsctl store upgrade`: from an earlier format to the present one. */
export class StoreUpgrade extends StoreCommand {
  static override summary = 'Bring the store to the format of this nsctl'
  static override description =
    'No release has made a store of an earlier format, so there is nothing to convert yet. SQLite’s format 2 was never released and is not converted to 3.'
  static override examples = ['nsctl store upgrade --dry-run', 'nsctl store upgrade']
  static override flags = {
    'dry-run': Flags.boolean({ summary: 'Say what would happen, and write nothing.' }),
  }

  override async run(): Promise<undefined> {
    await this.parse(StoreUpgrade)
    const { upgradeStore } = await import('../main/stores/look.ts')
    const url = await upgradeStore(this.choice())
    this.print(`the store ${url} has the format of nsctl ${this.context.version}: nothing to upgrade`)
  }
}
