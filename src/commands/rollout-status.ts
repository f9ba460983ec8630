import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import { NsctlError } from '../core/errors.ts'
import { parseDurationMs } from '../core/quantity.ts'
import type { ObjectRef } from '../resources/object.ts'
import { textAt } from '../views/fields.ts'
import { type RolloutState, rolloutState } from '../views/rollout.ts'
import { NsctlCommand } from './base.ts'
import * as flags from './flags.ts'
import { parseRevision } from './rollback.ts'
import { waitForRollout } from './rollout-wait.ts'
import { mustGet, select } from './selection.ts'
import { mustBeService } from './services.ts'

const FOREVER = '24h'

/** `nsctl rollout status`: how far a change has come; waits until it is done. */
export class RolloutStatus extends NsctlCommand {
  static override summary = 'Wait until a change is rolled out, and say how far it is'
  static override examples = [
    'nsctl rollout status service/web',
    'nsctl rollout status service/web --timeout 90s',
    'nsctl rollout status service/web --watch=false',
  ]
  static override args = {
    type: flags.argument({ multiple: true, description: 'TYPE/NAME…, TYPE NAME…, or TYPE with -l.' }),
  }
  static override flags = {
    selector: flags.selector,
    filename: flags.filename,
    recursive: flags.recursive,
    watch: Flags.boolean({ char: 'w', allowNo: true, default: true, summary: 'Wait until it is done.' }),
    timeout: Flags.string({
      helpValue: 'DURATION',
      default: '0s',
      summary: 'Give up after so long; 0s waits for a day.',
    }),
    revision: Flags.string({ helpValue: 'N', summary: 'Fail where another revision is wanted by now.' }),
  }

  override async run(): Promise<number> {
    const { flags: given } = await this.parse(RolloutStatus)
    const timeoutMs = parseDurationMs(given.timeout) || parseDurationMs(FOREVER)
    const revision = parseRevision(given.revision)
    const client = await this.client()
    const selected = await select(client, {
      words: this.words,
      verb: 'rollout status',
      context: this.context,
      files: given,
      namespace: this.namespace,
      selector: given.selector,
    })
    for (const one of selected) mustBeService(one)
    for (const { ref } of selected) {
      await checkRevision(client, ref, revision)
      const state = given.watch ? await this.#follow(client, ref, timeoutMs) : await this.#now(client, ref)
      if (state.kind === 'failed') throw new NsctlError('Failed', state.message)
    }
    await this.noteIfStale(client)
    return 0
  }

  /** Prints a line for every state that differs in words from the one before. */
  #follow(client: Client, ref: ObjectRef, timeoutMs: number): Promise<RolloutState> {
    let said = ''
    const { clock, signal } = this.context
    return waitForRollout({
      client,
      ref,
      clock,
      signal,
      timeoutMs,
      onState: (state) => {
        if (state.kind === 'failed' || state.message === said) return
        said = state.message
        this.print(said)
      },
    })
  }

  async #now(client: Client, ref: ObjectRef): Promise<RolloutState> {
    const service = await mustGet(client, ref)
    const { items } = await client.list(
      client.kinds.byKind('Instance'),
      ref.namespace === undefined ? {} : { namespace: ref.namespace },
    )
    const mine = items.filter((instance) => textAt(instance, 'spec.service') === ref.name)
    const state = rolloutState(service, mine, this.context.clock.now())
    if (state.kind !== 'failed') this.print(state.message)
    return state
  }
}

async function checkRevision(client: Client, ref: ObjectRef, wanted: number | undefined): Promise<void> {
  if (wanted === undefined) return
  const { revision } = (await mustGet(client, ref)).metadata
  if (revision !== wanted)
    throw new NsctlError('Failed', `the wanted revision is r${revision}, not r${wanted}`, { value: wanted })
}
