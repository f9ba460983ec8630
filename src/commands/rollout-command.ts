/** What verbs share that change how services are rolled out. */
import type { Verdict } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import type { Json } from '../core/json.ts'
import { ChangeCommand } from './change-command.ts'
import { isDryRun } from './dry-run.ts'
import * as flags from './flags.ts'
import { checkOutput, type ReportOptions } from './report.ts'
import { type Selected, select } from './selection.ts'
import { mustBeService } from './services.ts'

export const ROLLOUT_ARGS = {
  type: flags.argument({ multiple: true, description: 'TYPE/NAME…, TYPE NAME…, or TYPE with -l.' }),
}

export const ROLLOUT_FLAGS = {
  selector: flags.selector,
  filename: flags.filename,
  recursive: flags.recursive,
  'dry-run': flags.dryRun,
  output: flags.changeOutput,
}

/** What was given for `ROLLOUT_FLAGS`. */
export interface RolloutFlags {
  readonly selector: string | undefined
  readonly filename: readonly string[] | undefined
  readonly recursive: boolean | undefined
  readonly 'dry-run': string | undefined
  readonly output: string | undefined
}

export interface RolloutChange {
  /** `rollout pause` */
  readonly verb: string
  readonly verdict: Verdict
  /** The merge patch for one service; it may throw what keeps it from being made. */
  readonly patch: (client: Client, selected: Selected) => Json | Promise<Json>
  readonly words?: ReportOptions['words']
}

export abstract class RolloutCommand extends ChangeCommand {
  /** Patches each service that is named or selected. */
  protected async changeServices(given: RolloutFlags, change: RolloutChange): Promise<void> {
    checkOutput(given.output)
    const { verb, verdict, patch, words } = change
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const selected = await select(client, {
      words: this.words,
      verb,
      context: this.context,
      files: given,
      namespace: this.namespace,
      selector: given.selector,
    })
    for (const one of selected) mustBeService(one)
    const how = { actor: this.actor(), dryRun, verb: verdict }
    await this.changeEach(
      selected,
      async (one) => client.patch(one.ref, 'merge', await patch(client, one), how),
      { output: given.output, dryRun, ...(words && { words }) },
    )
    if (!dryRun) await this.noteIfNobodyActs(client)
  }
}
