import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import { followKey, waitUntil } from '../client/follow.ts'
import { NsctlError } from '../core/errors.ts'
import { formatAge, parseDurationMs } from '../core/quantity.ts'
import { type AnyResource, type ObjectRef, refText } from '../resources/object.ts'
import { POLL_REQUESTED } from '../resources/scaler-annotations.ts'
import type { Decision } from '../scaling/decide.ts'
import { textAt } from '../views/fields.ts'
import { toJson, toYamlText } from '../views/output.ts'
import { changeText } from '../views/scaler/explain.ts'
import { gatherScaler, storedDecision } from '../views/scaler/record.ts'
import { renderWhy, whyRows } from '../views/scaler/why.ts'
import * as shared from './flags.ts'
import { decisionFormat, ScalerCommand } from './scaler-command.ts'
import { notFound } from './targets.ts'

const DEFAULT_COLUMNS = 120

/** `nsctl scaler trigger`: look now, rather than with the next poll. */
export class ScalerTrigger extends ScalerCommand {
  static override summary = 'Have a scaler look at its triggers now, and show what it decides'
  static override examples = ['nsctl scaler trigger web', 'nsctl scaler trigger web --timeout 5s -o json']
  static override args = {
    name: shared.argument({ description: 'A ScaledObject, or scaledjob/NAME.' }),
  }
  static override flags = {
    timeout: Flags.string({ helpValue: 'DURATION', default: '30s', summary: 'Give up after that: 30s, 5m.' }),
    output: Flags.string({
      char: 'o',
      helpValue: 'json|yaml',
      summary: 'json or yaml: the decision as it is kept.',
    }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(ScalerTrigger)
    const format = decisionFormat(flags.output, 'scaler trigger')
    const timeoutMs = parseDurationMs(flags.timeout)
    const client = await this.client('write')
    const { ref } = await this.scaler(client)
    if (!(await client.daemon()).running)
      throw new NsctlError('NoDaemon', `nobody would look at ${refText(ref)}: nsctl is not running`, {
        next: 'start it with nsctl up, then ask again',
      })
    const requested = new Date(this.context.clock.now()).toISOString()
    const patch = { metadata: { annotations: { [POLL_REQUESTED]: requested } } }
    await client.patch(ref, 'merge', patch, { actor: this.actor(), verb: 'annotated' })
    const object = await this.#answer(client, ref, { requested, timeoutMs })
    const decision = await this.#decision(client, object)
    if (decision === undefined)
      throw new NsctlError('Failed', `${refText(ref)} looked and came to no decision`, {
        next: `see: nsctl describe ${refText(ref)} -n ${ref.namespace}`,
      })
    if (format === 'json') return this.print(toJson(decision)) as undefined
    if (format === 'yaml') return this.print(await toYamlText(decision)) as undefined
    const { columns = DEFAULT_COLUMNS } = this.context.stdout
    const lines = renderWhy(whyRows(decision), columns - 2).map((line) => `  ${line}`)
    this.printPage([`${refText(ref)} ${changeText(decision)}   ${decision.because}`, ...lines].join('\n'))
  }

  /** A ScaledObject's status has it; a ScaledJob's has only those that made some. */
  async #decision(client: Client, object: AnyResource): Promise<Decision | undefined> {
    if (object.kind === 'ScaledObject') return storedDecision(object)
    return (await gatherScaler(client, object, this.context.clock.now())).present
  }

  async #answer(client: Client, ref: ObjectRef, { requested, timeoutMs }: Request): Promise<AnyResource> {
    const found = await waitUntil<AnyResource>(
      {
        reader: client,
        kinds: [client.kinds.byKind(ref.kind)],
        scope: ref.namespace === undefined ? {} : { namespace: ref.namespace },
        clock: this.context.clock,
        signal: this.context.signal,
        timeoutMs,
      },
      (objects) => {
        const object = objects.get(followKey(ref))
        if (object === undefined) throw notFound(ref)
        // another's request may have come later: it is answered by a later look
        return Date.parse(textAt(object, 'status.polledFor') ?? '') >= Date.parse(requested)
          ? object
          : undefined
      },
    )
    if (found !== undefined) return found
    throw new NsctlError('Timeout', `${refText(ref)} did not look within ${formatAge(timeoutMs)}`, {
      value: ref.name,
      next: `see: nsctl describe ${refText(ref)} -n ${ref.namespace}`,
    })
  }
}

interface Request {
  /** RFC 3339. */
  readonly requested: string
  readonly timeoutMs: number
}
