import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import { waitUntilCurrent } from '../client/current.ts'
import { NsctlError } from '../core/errors.ts'
import { formatAge, parseDurationMs } from '../core/quantity.ts'
import { NsctlCommand } from './base.ts'
import { DrainProgress } from './drain-progress.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { selectNodes } from './node-names.ts'
import { reportChanges } from './report.ts'
import type { Selected } from './selection.ts'

/** How often it is said again what is waited for, while nothing moves. */
const REMIND_MS = 30_000
const TICK_MS = 1_000
/** Longer than anybody waits. */
const FOR_EVER_MS = 2 ** 31 - 1

/** `nsctl drain`. */
export class Drain extends NsctlCommand {
  static override summary = 'Move what runs on nodes elsewhere, and place nothing new there'
  static override description =
    'Instances are replaced on other nodes before they end, where their Service’s update.maxSurge allows it, and no more of a Service at a time than its disruption.maxUnavailable allows. Daemons stay; runs of Jobs end by themselves. The control plane does the work: this command waits, and may be interrupted. nsctl uncordon ends it.'
  static override examples = [
    'nsctl drain alpha',
    'nsctl drain alpha --timeout 5m',
    'nsctl drain alpha --force',
  ]
  static override args = {
    node: shared.argument({ multiple: true, description: 'The nodes; or none, with -l.' }),
  }
  static override flags = {
    force: Flags.boolean({
      summary: 'End everything at once, whatever a Service’s disruption allows, and runs of Jobs too.',
    }),
    timeout: shared.timeout,
    wait: Flags.boolean({ allowNo: true, default: true, summary: 'Wait until nothing runs there any more.' }),
    selector: shared.selector,
    'dry-run': shared.dryRun,
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(Drain)
    const timeoutMs = flags.timeout === undefined ? FOR_EVER_MS : parseDurationMs(flags.timeout)
    const dryRun = isDryRun(flags['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const { context, words } = this
    const selected = await selectNodes(client, { context, words, selector: flags.selector, verb: 'drain' })
    const patch = { spec: { unschedulable: true, drain: { force: flags.force === true ? true : null } } }
    const how = { actor: this.actor(), dryRun, verb: 'draining' as const }
    for (const { ref } of selected) {
      const result = await client.patch(ref, 'merge', patch, how)
      const nowMs = context.clock.now()
      this.print(
        await reportChanges([result], {
          ...{ dryRun, nowMs },
          words: ({ verdict }) => (verdict === 'unchanged' ? 'is draining already' : 'cordoned, draining'),
        }),
      )
    }
    if (dryRun || selected.length === 0 || !(await this.noteIfNobodyActs(client)) || !flags.wait) return
    await this.#wait(client, selected, { timeoutMs, force: flags.force })
  }

  async #wait(
    client: Client,
    selected: readonly Selected[],
    { timeoutMs, force }: { readonly timeoutMs: number; readonly force: boolean },
  ): Promise<void> {
    const { clock, signal } = this.context
    const names = selected.map(({ ref }) => ref.name)
    const progress = new DrainProgress(names, force)
    let left: readonly string[] = []
    let saidMs = clock.monotonic()
    const kinds = ['Instance', 'Service'].map((kind) => client.kinds.byKind(kind))
    const look = async () =>
      await waitUntilCurrent<true>(
        { client, kinds, clock, signal, timeoutMs, tickMs: TICK_MS },
        (objects, isCurrent) => {
          const seen = progress.look(objects)
          left = seen.left
          if (seen.lines.length > 0) this.print(seen.lines.join('\n'))
          const isQuiet = clock.monotonic() - saidMs >= REMIND_MS
          if (seen.lines.length > 0 || isQuiet) saidMs = clock.monotonic()
          if (isQuiet && left.length > 0) this.note(`still there: ${left.join(', ')}`)
          return left.length === 0 && isCurrent ? true : undefined
        },
      )
    try {
      if ((await look()) === true) return this.print(names.map((name) => `node/${name} drained`).join('\n'))
    } catch (error) {
      if (signal.aborted) this.note(`draining goes on; to end it: nsctl uncordon ${names.join(' ')}`)
      throw error
    }
    throw new NsctlError('Timeout', `not drained within ${formatAge(timeoutMs)}: ${left.join(', ')}`, {
      value: left,
      next: `draining goes on; see what a Service waits for with nsctl describe, or end it with nsctl uncordon ${names.join(' ')}`,
    })
  }
}
