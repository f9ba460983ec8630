import { ROLLOUT_ARGS, ROLLOUT_FLAGS, RolloutCommand } from './rollout-command.ts'

/** `nsctl rollout restart`: every instance replaced, as the update strategy says. */
export class RolloutRestart extends RolloutCommand {
  static override summary = 'Replace every instance of a service, as its update strategy says'
  static override examples = [
    'nsctl rollout restart service/web',
    'nsctl rollout restart service -l tier=frontend',
  ]
  static override args = ROLLOUT_ARGS
  static override flags = ROLLOUT_FLAGS

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(RolloutRestart)
    const restartedAt = new Date(this.context.clock.now()).toISOString()
    await this.changeServices(given, {
      verb: 'rollout restart',
      verdict: 'restarted',
      patch: () => ({ spec: { template: { restartedAt } } }),
    })
  }
}
