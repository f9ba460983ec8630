import { ROLLOUT_ARGS, ROLLOUT_FLAGS, RolloutCommand } from './rollout-command.ts'

/** `nsctl rollout pause`: what is applied from now on replaces nothing until it is resumed. */
export class RolloutPause extends RolloutCommand {
  static override summary = 'Hold changes of a service back, or a change that is under way where it is'
  static override description =
    'Sets spec.update.paused, which is no revision. Instances that are lost or wanted besides are made with the last good template meanwhile.'
  static override examples = [
    'nsctl rollout pause service/web',
    'nsctl rollout pause service -l tier=frontend',
  ]
  static override args = ROLLOUT_ARGS
  static override flags = ROLLOUT_FLAGS

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(RolloutPause)
    await this.changeServices(given, {
      verb: 'rollout pause',
      verdict: 'paused',
      patch: () => ({ spec: { update: { paused: true } } }),
      words: ({ verdict }) => (verdict === 'unchanged' ? 'unchanged (paused already)' : 'paused'),
    })
  }
}
