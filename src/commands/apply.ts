import { NsctlCommand } from './base.ts'
import * as flags from './flags.ts'

/** `nsctl apply`. */
export class Apply extends NsctlCommand {
  static override flags = { filename: flags.filename, recursive: flags.recursive, 'dry-run': flags.dryRun }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Apply)
    this.print(JSON.stringify([flags, this.words]))
  }
}
