import { ROLLOUT_ARGS, ROLLOUT_FLAGS, RolloutCommand } from './rollout-command.ts'

/** `nsctl rollout resume`: what was held back goes on. */
export class RolloutResume extends RolloutCommand {
  static override summary = 'Let changes of a service go on that were paused'
  static override examples = ['nsctl rollout resume service/web']
  static override args = ROLLOUT_ARGS
  static override flags = ROLLOUT_FLAGS

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(RolloutResume)
    await this.changeServices(given, {
      verb: 'rollout resume',
      verdict: 'resumed',
      patch: () => ({ spec: { update: { paused: null } } }),
      words: ({ verdict }) => (verdict === 'unchanged' ? 'unchanged (not paused)' : 'resumed'),
    })
  }
}
