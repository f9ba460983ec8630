import * as Flags from '@oclif/core/flags'
import type { Rewritten } from '../api/rewrite.ts'
import { formatCount } from '../core/words.ts'
import type { Upgraded } from '../main/stores/upgrade.ts'
import { layoutText } from '../store/layout.ts'
import { usage } from './base.ts'
import { StoreCommand } from './store-command.ts'

/** `nsctl store upgrade`: from what an earlier nsctl made to what this one makes. */
export class StoreUpgrade extends StoreCommand {
  static override summary = 'Bring a store that an earlier nsctl made to the present format'
  static override description =
    'A store of an earlier format can be read and exported, and is written to by nobody before it was upgraded; nobody upgrades it unasked, because then the earlier nsctl could not be put back. First all of it is exported, and the export read back. No daemon may run for the store meanwhile; what it runs goes on, and nothing of it is restarted. An upgrade that was cut off is noted in the store: nobody writes to half of it, and the same command again goes on. Objects of your own kinds that lie in an earlier version are written in the one that their definition stores now, with their revisions: then the earlier one can be taken out of it.'
  static override examples = [
    'nsctl store upgrade --dry-run',
    'nsctl store upgrade',
    'nsctl --store sqlite:/var/lib/nsctl/store.db store upgrade --backup /backup/before.export',
  ]
  static override flags = {
    'dry-run': Flags.boolean({ summary: 'Say what would happen, and write nothing.' }),
    backup: Flags.string({
      helpValue: 'FILE',
      summary:
        'Where to keep what the store holds now; beside its file, or in backups/ in nsctl’s state directory, where left out.',
    }),
    'no-backup': Flags.boolean({ summary: 'Keep nothing: there is no way back then.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(StoreUpgrade)
    if (flags.backup !== undefined && flags['no-backup'])
      throw usage('--backup and --no-backup exclude each other', 'store upgrade', '--no-backup')
    const { upgradeStore } = await import('../main/stores/upgrade.ts')
    const dryRun = flags['dry-run']
    const done = await this.upgrading(() =>
      upgradeStore({
        ...this.choice(),
        signal: this.context.signal,
        dryRun,
        backup: flags.backup ?? !flags['no-backup'],
      }),
    )
    if (done.isPresent) this.print(`the store ${done.url} has ${stateText(done)} already: nothing to upgrade`)
    else this.print([...plan(done), ...(dryRun ? wouldDo(done, flags['no-backup']) : didDo(done))].join('\n'))
    const { rewriteVersions } = await import('../main/stores/rewrite.ts')
    for (const one of await rewriteVersions({ ...this.choice(), dryRun }))
      this.print(rewrittenText(one, dryRun))
  }

  private async upgrading<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (this.context.signal.aborted)
        this.note('interrupted: the store may be half upgraded. The same command again goes on where it was')
      throw error
    }
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

/** `format 2 and layout 1.0`. */
function stateText({ format, from }: Pick<Upgraded, 'format' | 'from'>): string {
  return `${format === undefined ? '' : `format ${format.found} and `}layout ${layoutText(from)}`
}

function plan(done: Upgraded): readonly string[] {
  const { format, resumed, steps } = done
  return [
    `the store ${done.url} has ${stateText(done)}`,
    ...(resumed === undefined ? [] : [`an upgrade of it, begun at ${resumed.since}, was cut off`]),
    ...(format === undefined || format.found === format.present
      ? []
      : [`format ${format.found} → ${format.present}`]),
    ...steps.map(
      ({ step, changes }) =>
        `layout ${layoutText(step.from)} → ${layoutText(step.to)}: ${step.summary}: ${formatCount(changes, 'change')}`,
    ),
  ]
}

function wouldDo({ found, resumed }: Upgraded, noBackup: boolean): readonly string[] {
  if (resumed !== undefined) return ['it would go on where it was (dry run)']
  const backup = noBackup ? 'nothing would be kept of' : 'first a backup would be made of'
  return [`${backup} its ${formatCount(found, 'key')} (dry run)`]
}

function didDo(done: Upgraded): readonly string[] {
  const { keys, objects, revisions, backup, to, url } = done
  const held = [formatCount(objects, 'object'), formatCount(revisions, 'revision')].join(', ')
  return [
    `upgraded: ${formatCount(keys, 'key')} (${held}) have layout ${layoutText(to)}, read back and as they should be`,
    ...(backup === undefined
      ? ['no backup was made: there is no way back']
      : [
          `what it held before is in ${backup}`,
          `to go back: move the store ${url} away, and with the nsctl of before: nsctl store import ${backup}`,
        ]),
  ]
}
