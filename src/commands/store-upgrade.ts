import * as Flags from '@oclif/core/flags'
import type { Rewritten } from '../api/rewrite.ts'
import { formatCount } from '../core/words.ts'
import { StoreCommand } from './store-command.ts'

/** `nsctl store upgrade`: from an earlier format to the present one. */
export class StoreUpgrade extends StoreCommand {
  static override summary = 'Bring the store to the format of this nsctl'
  static override description =
    'Objects of your own kinds that lie in an earlier version are written in the one that their definition stores now, with their revisions: then the earlier one can be taken out of it. No release has made a store of an earlier format, so there is nothing else to convert yet. SQLite’s format 2 was never released and is not converted to 3.'
  static override examples = ['nsctl store upgrade --dry-run', 'nsctl store upgrade']
  static override flags = {
    'dry-run': Flags.boolean({ summary: 'Say what would happen, and write nothing.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(StoreUpgrade)
    const { upgradeStore } = await import('../main/stores/look.ts')
    const url = await upgradeStore(this.choice())
    this.print(`the store ${url} has the format of nsctl ${this.context.version}: nothing to upgrade`)
    const { rewriteVersions } = await import('../main/stores/rewrite.ts')
    for (const one of await rewriteVersions({ ...this.choice(), dryRun: flags['dry-run'] }))
      this.print(rewrittenText(one, flags['dry-run']))
  }
}

/** `gears.example.org: 3 objects, 4 revisions and 2 applied manifests of v1alpha1 are written in v1 now`. */
function rewrittenText(one: Rewritten, dryRun: boolean): string {
  const counts = [
    formatCount(one.objects, 'object'),
    formatCount(one.revisions, 'revision'),
    formatCount(one.manifests, 'applied manifest'),
  ]
  const earlier = one.from.filter((version) => version !== one.to).join(', ')
  return `${one.definition}: ${counts.join(', ')} ${dryRun ? 'would be' : 'were'} written in ${one.to}, not ${earlier} any more`
}
