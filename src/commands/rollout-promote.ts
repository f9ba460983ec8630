import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import { refText } from '../resources/object.ts'
import { PROMOTE, promoteOrder } from '../resources/rollout-orders.ts'
import { flagAt, mapsAt, textAt } from '../views/fields.ts'
import { ROLLOUT_ARGS, ROLLOUT_FLAGS, RolloutCommand } from './rollout-command.ts'
import { type RolloutUnderWay, rolloutUnderWay } from './rollout-under-way.ts'

/** `nsctl rollout promote`: the present step of a canary need not be waited for; blue is moved over to green. */
export class RolloutPromote extends RolloutCommand {
  static override summary = 'End the pause or analysis that a rollout is at, or with --full all that is left'
  static override examples = ['nsctl rollout promote service/web', 'nsctl rollout promote service/web --full']
  static override args = ROLLOUT_ARGS
  static override flags = {
    ...ROLLOUT_FLAGS,
    full: Flags.boolean({ summary: 'Leave out all further steps.' }),
  }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(RolloutPromote)
    await this.changeServices(given, {
      verb: 'rollout promote',
      verdict: 'promoted',
      patch: async (client, selected) => {
        const rollout = await rolloutUnderWay(client, selected)
        const step = given.full ? 'full' : promotable(rollout, refText(selected.ref))
        return { metadata: { annotations: { [PROMOTE]: promoteOrder(rollout, step) } } }
      },
      words: ({ verdict }) => (verdict === 'unchanged' ? 'unchanged (promoted already)' : 'promoted'),
    })
  }
}

/** The step, where it is one that a person may end. */
function promotable({ service, step, text }: RolloutUnderWay, name: string): number {
  if (flagAt(service, 'spec.update.paused') === true)
    throw new NsctlError('Failed', `${name} is paused`, { next: `nsctl rollout resume ${name}` })
  if (step === undefined)
    throw new NsctlError('Failed', `the rollout of ${name} has no steps: it goes on by itself`)
  const isBlueGreen = textAt(service, 'spec.update.strategy') === 'BlueGreen'
  const { pause, analysis } = mapsAt(service, 'spec.update.canary.steps')[step] ?? {}
  if (isBlueGreen ? step === 1 : pause !== undefined || analysis !== undefined) return step
  throw new NsctlError('Failed', `${name} waits for instances${text === undefined ? '' : ` (${text})`}`, {
    next: `nsctl rollout promote ${name} --full goes on without waiting for any further step`,
  })
}
