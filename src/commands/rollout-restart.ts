import { ChangeCommand } from './change-command.ts'
import { isDryRun } from './dry-run.ts'
import * as flags from './flags.ts'
import { checkOutput } from './report.ts'
import { select } from './selection.ts'
import { mustBeService } from './services.ts'

/** `nsctl rollout restart`: every instance replaced, as the update strategy says. */
export class RolloutRestart extends ChangeCommand {
  static override summary = 'Replace every instance of a service, a few at a time'
  static override examples = [
    'nsctl rollout restart service/web',
    'nsctl rollout restart service -l tier=frontend',
  ]
  static override args = {
    type: flags.argument({ multiple: true, description: 'TYPE/NAME…, TYPE NAME…, or TYPE with -l.' }),
  }
  static override flags = {
    selector: flags.selector,
    filename: flags.filename,
    recursive: flags.recursive,
    'dry-run': flags.dryRun,
    output: flags.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(RolloutRestart)
    checkOutput(given.output)
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const selected = await select(client, {
      words: this.words,
      verb: 'rollout restart',
      context: this.context,
      files: given,
      namespace: this.namespace,
      selector: given.selector,
    })
    for (const one of selected) mustBeService(one)
    const restartedAt = new Date(this.context.clock.now()).toISOString()
    const how = { actor: this.actor(), dryRun, verb: 'restarted' } as const
    await this.changeEach(
      selected,
      ({ ref }) => client.patch(ref, 'merge', { spec: { template: { restartedAt } } }, how),
      { output: given.output, dryRun },
    )
    if (!dryRun) await this.noteIfNobodyActs(client)
  }
}
