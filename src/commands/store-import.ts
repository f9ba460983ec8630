import * as Flags from '@oclif/core/flags'
import { formatCount } from '../core/words.ts'
import type { Imported } from '../main/stores/import.ts'
import * as shared from './flags.ts'
import { RESOURCE_VERSIONS, StoreCommand } from './store-command.ts'

/** `nsctl store import`: the way back from a backup, and into another engine. */
export class StoreImport extends StoreCommand {
  static override summary = 'Fill an empty store with what an export holds'
  static override description =
    'The file is checked as a whole before anything is written. The store must be empty, and no daemon may run for it. An import that was cut off is noted in the store: no daemon starts on half of it, and the same command again goes on. What was written earlier stays earlier, but resourceVersions are the new store’s own.'
  static override examples = [
    'nsctl --store sqlite:/var/lib/nsctl/new.db store import shop.export',
    'nsctl store import shop.export --dry-run',
    'nsctl store import shop.export --replace',
    'gunzip -c shop.export.gz | nsctl store import -',
  ]
  static override args = {
    file: shared.argument({
      required: true,
      description: 'What nsctl store export wrote, or - for standard input.',
    }),
  }
  static override flags = {
    replace: Flags.boolean({
      summary: 'Remove what the store holds, after it was exported to backups/ in nsctl’s state directory.',
    }),
    'dry-run': Flags.boolean({ summary: 'Check file and store, say what would happen, write nothing.' }),
  }

  override async run(): Promise<undefined> {
    const { args, flags } = await this.parse(StoreImport)
    const file = String(args.file)
    const { importStore } = await import('../main/stores/import.ts')
    const { readExportBytes } = await import('../main/stores/files.ts')
    const bytes = file === '-' ? await this.context.readStdin() : readExportBytes(file)
    const done = await this.filling(() =>
      importStore({
        ...this.choice(),
        signal: this.context.signal,
        name: file === '-' ? 'standard input' : file,
        bytes,
        replace: flags.replace,
        dryRun: flags['dry-run'],
      }),
    )
    this.print(flags['dry-run'] ? wouldDo(done) : didDo(done))
  }
}

function wouldDo({ keys, already, removed, url, header }: Imported): string {
  return [
    originOf({ header }),
    ...(removed > 0 ? [`${formatCount(removed, 'key')} would be exported and removed`] : []),
    ...(already > 0 ? [`${formatCount(already, 'key')} are there already`] : []),
    `${formatCount(keys - already, 'key')} would be written into ${url} (dry run)`,
  ].join('\n')
}

function didDo({ keys, already, removed, backup, url, header }: Imported): string {
  return [
    originOf({ header }),
    ...(backup === undefined ? [] : [`removed ${formatCount(removed, 'key')}, which are kept in ${backup}`]),
    ...(already > 0 ? [`${formatCount(already, 'key')} of it were there already`] : []),
    `imported ${formatCount(keys - already, 'key')} into ${url}: all ${keys} read back and equal`,
    RESOURCE_VERSIONS,
  ].join('\n')
}

function originOf({ header }: Pick<Imported, 'header'>): string {
  return `the export is whole: ${header.engine} at revision ${header.revision}, ${header.at}, by nsctl ${header.nsctl}`
}
