import * as Flags from '@oclif/core/flags'
import type { ChangeResult } from '../api/api.ts'
import type { Client } from '../client/client.ts'
import { NsctlError } from '../core/errors.ts'
import { parseDurationMs } from '../core/quantity.ts'
import type { ObjectRef } from '../resources/object.ts'
import { summarizeChanges } from '../views/changes.ts'
import { loadPaint } from '../views/colour.ts'
import { createProgressWriter } from '../views/progress.ts'
import { ChangeCommand } from './change-command.ts'
import { isDryRun } from './dry-run.ts'
import * as flags from './flags.ts'
import { checkOutput } from './report.ts'
import { progressOfState, waitForRollout } from './rollout-wait.ts'
import { parseTargets, refOf } from './targets.ts'

/** `nsctl rollback`: a new revision out of an old one. */
export class Rollback extends ChangeCommand {
  static override summary = 'Make a new revision out of an old one'
  static override examples = [
    'nsctl rollback service/web',
    'nsctl rollback service web --to-revision 6',
    'nsctl rollback service/web --dry-run',
  ]
  static override args = {
    type: flags.argument({
      multiple: true,
      description: 'The services to roll back: TYPE/NAME… or TYPE NAME….',
    }),
  }
  static override flags = {
    'to-revision': Flags.string({
      helpValue: 'N',
      summary: 'The revision to go back to (6 or r6); the one before the present where left out.',
    }),
    'dry-run': flags.dryRun,
    output: flags.changeOutput,
    wait: Flags.boolean({
      allowNo: true,
      summary: 'Wait until it is rolled out. By default on a terminal, while nsctl is running.',
    }),
    timeout: Flags.string({ helpValue: 'DURATION', default: '5m', summary: 'Wait for at most so long.' }),
  }

  override async run(): Promise<number | undefined> {
    const { flags: given } = await this.parse(Rollback)
    checkOutput(given.output)
    const timeoutMs = parseDurationMs(given.timeout)
    const toRevision = parseRevision(given['to-revision'])
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const { objects } = await parseTargets(this.words, client, this.id ?? 'rollback')
    if (objects.length === 0)
      throw new NsctlError('Usage', 'nothing was named to roll back', {
        next: 'write nsctl rollback service/web',
      })
    const refs = objects.map((target) => refOf(target, this.namespace))
    const targets = new Map<ChangeResult, string>()
    await this.changeEach(
      refs,
      async (ref) => {
        const { result, target } = await this.#rollBack(client, ref, toRevision, dryRun)
        targets.set(result, target)
        return result
      },
      { output: given.output, dryRun, words: (result) => rollbackText(result, targets.get(result) ?? '') },
    )
    if (dryRun) return undefined
    const isActing = await this.noteIfNobodyActs(client)
    const wants = given.wait ?? (this.context.stdout.isTTY && isActing && given.output === undefined)
    if (!wants) return undefined
    for (const ref of refs) if (ref.kind === 'Service') await this.#wait(client, ref, timeoutMs)
    return undefined
  }

  async #rollBack(
    client: Client,
    ref: ObjectRef,
    toRevision: number | undefined,
    dryRun: boolean,
  ): Promise<{ result: ChangeResult; target: string }> {
    const result = await client.rollback(ref, {
      actor: this.actor(),
      dryRun,
      ...(toRevision === undefined ? {} : { toRevision }),
    })
    if (toRevision !== undefined) return { result, target: `r${toRevision}` }
    const history = await client.history(ref)
    // a dry run has added nothing: the one before the present is the second
    const target = dryRun ? `r${history[1]?.revision}` : /r\d+$/.exec(history[0]?.cause ?? '')?.[0]
    return { result, target: target ?? 'the revision before' }
  }

  async #wait(client: Client, ref: ObjectRef, timeoutMs: number): Promise<void> {
    const { stderr, clock, signal } = this.context
    const progress = createProgressWriter(
      { isTerminal: stderr.isTTY, columns: stderr.columns ?? 80, write: (text) => stderr.write(text) },
      await loadPaint(this.colour),
    )
    try {
      const state = await waitForRollout({
        client,
        ref,
        clock,
        signal,
        timeoutMs,
        onState(state) {
          const now = progressOfState(state)
          if (now !== undefined) progress.show(now)
        },
      })
      if (state.kind === 'failed') throw new NsctlError('Failed', state.message)
      progress.clear()
      this.print(state.message)
    } finally {
      progress.clear()
    }
  }
}

/** `rolled back: r8 = r6 (memory 128Mi → 96Mi, source unchanged)` */
function rollbackText(result: ChangeResult, target: string): string {
  if (result.verdict === 'unchanged') return `unchanged: it is what ${target} was`
  const summary = summarizeChanges(result.changes, {
    mentionSource: result.kind.kind === 'Service',
    within: result.object,
  })
  return `rolled back: r${result.object.metadata.revision} = ${target} (${summary})`
}

/** `6` or `r6`; 0, as kubectl has it, is the one before the present. */
export function parseRevision(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const match = /^r?([0-9]+)$/.exec(text)
  if (match?.[1] === undefined)
    throw new NsctlError('Usage', `not a revision: ${JSON.stringify(text)}`, {
      value: text,
      next: 'write it like 6 or r6; nsctl history service/web lists them',
    })
  return Number(match[1]) === 0 ? undefined : Number(match[1])
}
