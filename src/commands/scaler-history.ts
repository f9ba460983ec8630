import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import { parseDurationMs } from '../core/quantity.ts'
import { refText } from '../resources/object.ts'
import { historySubject, readDecision, readSample } from '../scaling/sample.ts'
import { toJson, toYamlText } from '../views/output.ts'
import { decisionsTable, samplesTable } from '../views/scaler/history.ts'
import * as shared from './flags.ts'
import { decisionFormat, ScalerCommand } from './scaler-command.ts'

/** `nsctl scaler history`: what was decided, and what was measured. */
export class ScalerHistory extends ScalerCommand {
  static override summary = 'What a scaler decided: when, from how many to how many, and why'
  static override description =
    'Newest first. Decisions that changed something are kept for a week, and the last few for longer; samples for a week, every minute after an hour and every ten after a day.'
  static override examples = [
    'nsctl scaler history web',
    'nsctl scaler history web --since 1h',
    'nsctl scaler history web --samples --since 10m',
    'nsctl scaler history web --all',
    'nsctl scaler history web --limit 1 -o json',
  ]
  static override args = {
    name: shared.argument({ description: 'A ScaledObject, or scaledjob/NAME.' }),
  }
  static override flags = {
    since: Flags.string({ helpValue: 'DURATION', summary: 'No older than that: 1h, 7d.' }),
    limit: Flags.string({
      helpValue: 'N',
      summary: 'The newest so many; 20 unless --since says how far back.',
    }),
    all: Flags.boolean({
      summary: 'Also of those that had its name before it: what is deleted and made anew is another.',
    }),
    samples: Flags.boolean({ summary: 'What was measured, rather than what was decided.' }),
    output: Flags.string({ char: 'o', helpValue: 'json|yaml', summary: 'json or yaml, in full.' }),
  }

  override async run(): Promise<undefined> {
    const { flags } = await this.parse(ScalerHistory)
    const format = decisionFormat(flags.output, 'scaler history')
    const limit = parseLimit(flags.limit) ?? (flags.since === undefined ? DEFAULT_LIMIT : undefined)
    const sinceMs = flags.since === undefined ? undefined : parseDurationMs(flags.since)
    const client = await this.client()
    const { ref, object } = await this.scaler(client)
    const { object: name, uid } = historySubject(object)
    const query = {
      object: name,
      kind: flags.samples ? 'sample' : 'decision',
      ...(sinceMs === undefined ? {} : { fromMs: this.context.clock.now() - sinceMs }),
      ...(limit === undefined ? {} : { limit }),
    } as const
    const entries = await client.scalerHistory(flags.all ? query : { ...query, uid })
    if (format !== undefined) {
      const items = entries.map(({ uid, atMs, content }) => ({
        ...(flags.all && { uid }),
        ...(flags.samples && { at: new Date(atMs).toISOString() }),
        ...asObject(content),
      }))
      const kind = flags.samples ? 'ScalerSampleList' : 'ScalerDecisionList'
      const list = { apiVersion: 'nsctl.dev/v1alpha1', kind, items }
      return this.print(format === 'json' ? toJson(list) : await toYamlText(list)) as undefined
    }
    if (entries.length === 0) {
      const what = flags.samples ? 'samples' : 'decisions'
      const others = await client.scalerHistory({ ...query, limit: 1 })
      const hint = others.length === 0 ? '' : ' Of another of this name there are: --all shows them.'
      return this.note(`No ${what} are known of ${refText(ref)}.${hint}`) as undefined
    }
    const times = this.times(object)
    const known = entries.map((entry) => ({ ...entry, whose: flags.all ? { uid: entry.uid } : {} }))
    this.printPage(
      flags.samples
        ? samplesTable(
            known.flatMap(({ atMs, content, whose }) => {
              const sample = readSample(content)
              return sample === undefined ? [] : [{ ...sample, atMs, ...whose }]
            }),
            times,
          )
        : decisionsTable(
            known.flatMap(({ content, whose }) => {
              const decision = readDecision(content)
              return decision === undefined ? [] : [{ ...decision, ...whose }]
            }),
            times,
          ),
    )
  }
}

const DEFAULT_LIMIT = 20

function asObject(content: unknown): object {
  return typeof content === 'object' && content !== null ? content : { content }
}

function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text)
  throw new NsctlError('Usage', `--limit must be a whole number of at least 1, not ${JSON.stringify(text)}`, {
    value: text,
    next: 'write it like --limit 20',
  })
}
