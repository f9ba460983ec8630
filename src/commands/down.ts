import * as Flags from '@oclif/core/flags'
import { silentLogger } from '../core/logger.ts'
import { NsctlCommand } from './base.ts'

/** `nsctl down`: the end of everything that `up` began. */
export class Down extends NsctlCommand {
  static override summary = 'Stop the daemon and every workload, and remove what nsctl made here'
  static override description =
    'Removes units, slice and runtime state. The store, workloads’ data and logs stay, and are listed, unless --purge is given. The identity that opens Secrets always stays: other stores and exports may need it.'
  static override examples = ['nsctl down', 'nsctl down --purge']
  static override flags = {
    purge: Flags.boolean({
      summary: 'Also remove the store, the data in workloads’ storage and their logs, for good.',
    }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Down)
    const { tearDown } = await import('../main/teardown.ts')
    const { clock, signal } = this.context
    const { done, left } = await tearDown({
      ...this.chosenStore(),
      clock,
      logger: silentLogger,
      purge: flags.purge,
      signal,
    })
    for (const line of done) this.print(line)
    if (done.length === 0) this.print('nothing was running')
    if (left.length > 0)
      this.print(
        [
          flags.purge ? 'left:' : 'left, remove it with nsctl down --purge:',
          ...left.map((line) => `  ${line}`),
        ].join('\n'),
      )
  }
}
