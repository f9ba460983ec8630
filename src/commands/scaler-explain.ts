import * as Flags from '@oclif/core/flags'
import type { Client } from '../client/client.ts'
import { NsctlError } from '../core/errors.ts'
import { refText } from '../resources/object.ts'
import type { Decision } from '../scaling/decide.ts'
import { historySubject, readDecision, readSample } from '../scaling/sample.ts'
import type { HistoryQuery, HistorySubject } from '../telemetry/history/history.ts'
import { toJson, toYamlText } from '../views/output.ts'
import { type Explained, renderExplanation } from '../views/scaler/explain.ts'
import { gatherScaler } from '../views/scaler/record.ts'
import * as shared from './flags.ts'
import { decisionFormat, ScalerCommand, type ScalerTarget } from './scaler-command.ts'

/** Samples shown are of so long before and after. */
const AROUND_MS = 30_000

/** `nsctl scaler explain`: one decision in full. */
export class ScalerExplain extends ScalerCommand {
  static override summary = 'A decision of a scaler in full: what went in, and what each step made of it'
  static override description =
    'The present one, or the one that was in force at a time. Times of day are in the scaler’s own timezone (spec.timezone, UTC by default).'
  static override examples = [
    'nsctl scaler explain web',
    'nsctl scaler explain web --at 12:18:40',
    'nsctl scaler explain web --at "5m ago"',
    'nsctl scaler explain scaledjob/import --at 2026-11-20T12:18:40Z -o json',
  ]
  static override args = {
    name: shared.argument({ description: 'A ScaledObject, or scaledjob/NAME.' }),
  }
  static override flags = {
    at: Flags.string({
      helpValue: 'TIME',
      summary: 'The last change at that time: 12:18:40, an RFC 3339 time, or "5m ago".',
      exclusive: ['last'],
    }),
    all: Flags.boolean({
      summary: 'With --at: also of those that had its name before it.',
      dependsOn: ['at'],
    }),
    last: Flags.boolean({ summary: 'The last one that changed the number, rather than the present one.' }),
    output: Flags.string({
      char: 'o',
      helpValue: 'json|yaml',
      summary: 'json or yaml: the decision as it is kept.',
    }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(ScalerExplain)
    const format = decisionFormat(flags.output, 'scaler explain')
    const client = await this.client()
    const target = await this.scaler(client)
    const times = this.times(target.object)
    const toMs = flags.at === undefined ? undefined : times.parse(flags.at)
    const found = await this.#decision(client, target, { ...flags, toMs })
    const { decision } = found
    if (format === 'json') return this.print(toJson(decision)) as undefined
    if (format === 'yaml') return this.print(await toYamlText(decision)) as undefined
    const explained = await explain(client, target, found)
    const nowMs = this.context.clock.now()
    this.printPage(renderExplanation(explained, { nowMs, times, columns: this.context.stdout.columns }))
    if (toMs === undefined) await this.noteIfStale(client)
  }

  async #decision(
    client: Client,
    { ref, object }: ScalerTarget,
    { toMs, last, all }: { readonly toMs: number | undefined; readonly last: boolean; readonly all: boolean },
  ): Promise<Found> {
    const subject = historySubject(object)
    const record = await gatherScaler(client, object, this.context.clock.now())
    if (toMs === undefined) {
      const found = last ? record.decisions[0] : record.present
      if (found !== undefined) return { decision: found, subject }
      throw new NsctlError(
        'NotFound',
        `nothing is known that ${refText(ref)} ${last ? 'changed' : 'decided'}`,
        {
          value: ref.name,
          next: `see: nsctl describe ${refText(ref)} -n ${ref.namespace}`,
        },
      )
    }
    const asked = all ? { object: subject.object } : subject
    const known = await changes(client, { ...asked, toMs, limit: 1 })
    const own = record.decisions.map((decision) => ({ decision, subject }))
    const found = [...known, ...own].find(({ decision }) => Date.parse(decision.at) < toMs)
    if (found !== undefined) return found
    throw new NsctlError(
      'NotFound',
      `no decision of ${refText(ref)} is known from before ${new Date(toMs - 1).toISOString()}`,
      {
        value: ref.name,
        next: `see what is known: nsctl scaler history ${ref.name} -n ${ref.namespace}`,
      },
    )
  }
}

interface Found {
  readonly decision: Decision
  /** Whose it was. */
  readonly subject: HistorySubject
}

async function explain(
  client: Client,
  { object }: ScalerTarget,
  { decision, subject }: Found,
): Promise<Explained> {
  const atMs = Date.parse(decision.at)
  const [before, after, samples] = await Promise.all([
    changes(client, { ...subject, toMs: atMs, limit: 1 }),
    changes(client, { ...subject, fromMs: atMs + 1 }),
    client.scalerHistory({
      ...subject,
      kind: 'sample',
      fromMs: atMs - AROUND_MS,
      toMs: atMs + AROUND_MS,
    }),
  ])
  return {
    object,
    decision,
    before: before[0]?.decision,
    after: after.at(-1)?.decision,
    samples: samples.flatMap(({ atMs: sampledMs, content }) => {
      const sample = readSample(content)
      return sample === undefined ? [] : [{ ...sample, atMs: sampledMs }]
    }),
  }
}

/** Decisions that changed something, newest first. */
async function changes(client: Client, query: Omit<HistoryQuery, 'kind'>): Promise<readonly Found[]> {
  const entries = await client.scalerHistory({ ...query, kind: 'decision' })
  return entries.flatMap(({ object, uid, content }) => {
    const decision = readDecision(content)
    return decision === undefined ? [] : [{ decision, subject: { object, uid } }]
  })
}
