import { NsctlError } from '../core/errors.ts'
import { refText } from '../resources/object.ts'
import { ABORT, abortOrder } from '../resources/rollout-orders.ts'
import { textAt } from '../views/fields.ts'
import { ROLLOUT_ARGS, ROLLOUT_FLAGS, RolloutCommand } from './rollout-command.ts'
import { rolloutUnderWay } from './rollout-under-way.ts'

/** `nsctl rollout abort`: back to the last good template, as if the new one had failed. */
export class RolloutAbort extends RolloutCommand {
  static override summary = 'Give a change up that is being rolled out, and go back to the last good one'
  static override description =
    'What is wanted is not rewritten: the Service is Degraded until something else is applied. nsctl rollout restart tries the same again, nsctl rollout undo makes what was before a revision.'
  static override examples = ['nsctl rollout abort service/web']
  static override args = ROLLOUT_ARGS
  static override flags = ROLLOUT_FLAGS

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(RolloutAbort)
    await this.changeServices(given, {
      verb: 'rollout abort',
      verdict: 'aborted',
      patch: async (client, selected) => {
        const rollout = await rolloutUnderWay(client, selected)
        const name = refText(selected.ref)
        if (textAt(rollout.service, 'status.stableHash') === undefined)
          throw new NsctlError('Failed', `${name} has never been ready: there is nothing to go back to`, {
            next: `nsctl delete ${name}, or apply what works`,
          })
        return { metadata: { annotations: { [ABORT]: abortOrder(rollout) } } }
      },
      words: ({ verdict }) => (verdict === 'unchanged' ? 'unchanged (aborted already)' : 'aborted'),
    })
  }
}
