import {
  PAUSED,
  PAUSED_REPLICAS,
  PAUSED_SCALE_IN,
  PAUSED_SCALE_OUT,
} from '../resources/scaler-annotations.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { checkOutput } from './report.ts'
import { ScalerCommand } from './scaler-command.ts'

/** `nsctl scaler resume`: the opposite of pause, however it was paused. */
export class ScalerResume extends ScalerCommand {
  static override summary = 'Let a scaler that is paused go on'
  static override examples = ['nsctl scaler resume web', 'nsctl scaler resume web mail -n shop']
  static override args = {
    name: shared.argument({ multiple: true, description: 'ScaledObjects, or scaledjob/NAME….' }),
  }
  static override flags = { 'dry-run': shared.dryRun, output: shared.changeOutput }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(ScalerResume)
    checkOutput(given.output)
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const targets = await this.scalers(client)
    const annotations = {
      [PAUSED]: null,
      [PAUSED_REPLICAS]: null,
      [PAUSED_SCALE_IN]: null,
      [PAUSED_SCALE_OUT]: null,
    }
    const how = { actor: this.actor(), dryRun, verb: 'annotated' } as const
    await this.changeEach(
      targets,
      ({ ref }) => client.patch(ref, 'merge', { metadata: { annotations } }, how),
      {
        output: given.output,
        dryRun,
        words: ({ verdict }) => (verdict === 'unchanged' ? 'unchanged (it was not paused)' : 'resumed'),
      },
    )
    if (!dryRun) await this.noteIfNobodyActs(client)
  }
}
