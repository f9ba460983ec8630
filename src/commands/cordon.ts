import type { Json } from '../core/json.ts'
import { ChangeCommand } from './change-command.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { selectNodes } from './node-names.ts'
import { checkOutput } from './report.ts'

const args = { node: shared.argument({ multiple: true, description: 'The nodes; or none, with -l.' }) }
const flags = { selector: shared.selector, 'dry-run': shared.dryRun, output: shared.changeOutput }

/** What cordon and uncordon have in common. */
abstract class CordonCommand extends ChangeCommand {
  static override args = args
  static override flags = flags
  protected abstract readonly verdict: 'cordoned' | 'uncordoned'
  protected abstract readonly patch: Json

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(CordonCommand as never as typeof Cordon)
    checkOutput(given.output)
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const { context, words } = this
    const selected = await selectNodes(client, {
      ...{ context, words, selector: given.selector },
      verb: this.id ?? this.verdict,
    })
    const how = { actor: this.actor(), dryRun, verb: this.verdict }
    await this.changeEach(selected, ({ ref }) => client.patch(ref, 'merge', this.patch, how), {
      output: given.output,
      dryRun,
      words: ({ verdict }) => (verdict === 'unchanged' ? `already ${this.verdict}` : this.verdict),
    })
  }
}

/** `nsctl cordon`. */
export class Cordon extends CordonCommand {
  static override summary = 'Place nothing new on nodes'
  static override description = 'What runs there stays. To move it away: nsctl drain.'
  static override examples = ['nsctl cordon alpha', 'nsctl cordon -l pool=spot']
  protected readonly verdict = 'cordoned'
  protected readonly patch = { spec: { unschedulable: true } }
}

/** `nsctl uncordon`. */
export class Uncordon extends CordonCommand {
  static override summary = 'Place on nodes again, and end their draining'
  static override description =
    'What was moved away is not moved back: nothing moves without a reason. What waits for its data there starts again.'
  static override examples = ['nsctl uncordon alpha']
  protected readonly verdict = 'uncordoned'
  protected readonly patch = { spec: { unschedulable: null, drain: null } }
}
