import * as Flags from '@oclif/core/flags'
import type { ChangeResult } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import type { Json } from '../core/json.ts'
import type { Node } from '../resources/generated/types.ts'
import type { ObjectRef } from '../resources/object.ts'
import { usage } from './base.ts'
import { ChangeCommand } from './change-command.ts'
import { retryConflicts } from './conflicts.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { selectNodes } from './node-names.ts'
import { checkOutput } from './report.ts'
import { mustGet } from './selection.ts'
import { editTaints, isTaintEdit, parseTaints, type TaintEdits } from './taint-edits.ts'

/** `nsctl taint`. */
export class Taint extends ChangeCommand {
  static override summary = 'Keep instances away from nodes that do not tolerate them'
  static override description =
    'A Service tolerates a taint with spec.placement.tolerations. NoSchedule places nothing new there, PreferNoSchedule only where nothing else is left, NoExecute also moves away what runs there.'
  static override examples = [
    'nsctl taint node alpha pool=spot:NoSchedule',
    'nsctl taint node alpha beta gpu:NoExecute',
    'nsctl taint node alpha pool-',
    'nsctl taint node -l zone=a pool=batch:NoSchedule --overwrite',
  ]
  static override args = {
    node: shared.argument({
      multiple: true,
      description: 'node NAME…, then key=value:EFFECT to set a taint and key- or key:EFFECT- to remove it.',
    }),
  }
  static override flags = {
    overwrite: Flags.boolean({ summary: 'Replace a value that is there.' }),
    selector: shared.selector,
    'dry-run': shared.dryRun,
    output: shared.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Taint)
    checkOutput(flags.output)
    const words = this.words.filter(isTaintEdit)
    const names = this.words.filter((word) => !isTaintEdit(word))
    if (words.length === 0) throw usage('no taint was given: write key=value:EFFECT or key-', 'taint')
    const edits = parseTaints(words)
    const dryRun = isDryRun(flags['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const { context } = this
    const selected = await selectNodes(client, {
      ...{ context, words: names, selector: flags.selector, verb: 'taint' },
    })
    const did = edits.set.length > 0 ? 'tainted' : 'untainted'
    const how = { dryRun, overwrite: flags.overwrite, did } as const
    await this.changeEach(selected, ({ ref }) => this.#edit(client, ref, edits, how), {
      output: flags.output,
      dryRun,
      words: ({ verdict }) => (verdict === 'unchanged' ? `not ${did}` : did),
    })
  }

  /** What was looked at is what is changed: another's taint is not lost. */
  #edit(
    client: Client,
    ref: ObjectRef,
    edits: TaintEdits,
    how: { readonly dryRun: boolean; readonly overwrite: boolean; readonly did: 'tainted' | 'untainted' },
  ): Promise<ChangeResult> {
    return retryConflicts(async () => {
      const node = (await mustGet(client, ref)) as unknown as Node
      const taints = editTaints(node.spec?.taints ?? [], edits, { overwrite: how.overwrite, node: ref.name })
      const { resourceVersion } = node.metadata
      const patch = { metadata: { resourceVersion }, spec: { taints: taints.length === 0 ? null : taints } }
      return client.patch(ref, 'merge', patch as unknown as Json, {
        ...{ actor: this.actor(), dryRun: how.dryRun, verb: how.did },
      })
    })
  }
}
