import { formatCount } from '../core/words.ts'
import * as shared from './flags.ts'
import { StoreCommand } from './store-command.ts'

/** `nsctl store export`: a backup. */
export class StoreExport extends StoreCommand {
  static override summary = 'Write all that the store holds into one file'
  static override description =
    'One snapshot at one revision: objects, revisions, audit. Any engine can import it. The daemon may run meanwhile. The file is JSON, a line per key, ends with a checksum, is readable by its owner only, and appears under its name once it is whole. Leases are left out.'
  static override examples = [
    'nsctl store export shop.export',
    'nsctl store export - | gzip > shop.export.gz',
    'nsctl --store sqlite:/var/lib/nsctl/store.db store export /backup/nsctl.export',
  ]
  static override args = {
    file: shared.argument({ required: true, description: 'The file to write, or - for standard output.' }),
  }

  override async run(): Promise<undefined> {
    const { args } = await this.parse(StoreExport)
    const file = String(args.file)
    const { exportStore } = await import('../main/stores/export.ts')
    const { inChunks, writeExport } = await import('../main/stores/files.ts')
    const { url, revision, keys } = await exportStore(this.choice(), (lines) => {
      if (file !== '-') writeExport(file, lines)
      else for (const chunk of inChunks(lines)) this.context.stdout.write(chunk)
    })
    const done = `exported ${formatCount(keys, 'key')} of ${url} at revision ${revision}`
    if (file === '-') this.note(done)
    else this.print(`${done} to ${file}`)
  }
}
