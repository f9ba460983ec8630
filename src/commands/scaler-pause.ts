import * as Flags from '@oclif/core/flags'
import { NsctlError } from '../core/errors.ts'
import { refText } from '../resources/object.ts'
import {
  PAUSED,
  PAUSED_REPLICAS,
  PAUSED_SCALE_IN,
  PAUSED_SCALE_OUT,
} from '../resources/scaler-annotations.ts'
import { usage } from './base.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { checkOutput } from './report.ts'
import { ScalerCommand, type ScalerTarget } from './scaler-command.ts'

/** `nsctl scaler pause`: hold the number, as KEDA's annotations do. */
export class ScalerPause extends ScalerCommand {
  static override summary = 'Keep a scaler from changing the number, in both directions or one'
  static override description =
    'Writes KEDA’s annotations (autoscaling.keda.sh/paused and its kin), which may stand in a manifest just as well. It is looked on meanwhile: nsctl describe scaler says what it would do.'
  static override examples = [
    'nsctl scaler pause web',
    'nsctl scaler pause web --replicas 3',
    'nsctl scaler pause web --scale-in',
    'nsctl scaler pause scaledjob/import',
  ]
  static override args = {
    name: shared.argument({ multiple: true, description: 'ScaledObjects, or scaledjob/NAME….' }),
  }
  static override flags = {
    replicas: Flags.string({
      helpValue: 'N',
      summary: 'Hold it at so many, rather than as it is.',
      exclusive: ['scale-in', 'scale-out'],
    }),
    'scale-in': Flags.boolean({ summary: 'Only do not shrink.' }),
    'scale-out': Flags.boolean({ summary: 'Only do not grow.' }),
    'dry-run': shared.dryRun,
    output: shared.changeOutput,
  }

  override async run(): Promise<undefined> {
    const { flags: given } = await this.parse(ScalerPause)
    checkOutput(given.output)
    const replicas = parseReplicas(given.replicas)
    const both = given['scale-in'] && given['scale-out']
    const oneWay = (given['scale-in'] || given['scale-out']) && !both
    const dryRun = isDryRun(given['dry-run'])
    const client = await this.client(dryRun ? 'read' : 'write')
    const targets = await this.scalers(client)
    if (replicas !== undefined || oneWay) for (const target of targets) refuseScaledJob(target)
    const annotations = {
      [PAUSED]: replicas === undefined && !oneWay ? 'true' : null,
      [PAUSED_REPLICAS]: replicas === undefined ? null : String(replicas),
      [PAUSED_SCALE_IN]: oneWay && given['scale-in'] ? 'true' : null,
      [PAUSED_SCALE_OUT]: oneWay && given['scale-out'] ? 'true' : null,
    }
    const how = { actor: this.actor(), dryRun, verb: 'annotated' } as const
    const what =
      replicas !== undefined
        ? `paused at ${replicas}`
        : !oneWay
          ? 'paused'
          : given['scale-in']
            ? 'will not shrink'
            : 'will not grow'
    await this.changeEach(
      targets,
      ({ ref }) => client.patch(ref, 'merge', { metadata: { annotations } }, how),
      {
        output: given.output,
        dryRun,
        words: ({ verdict }) => (verdict === 'unchanged' ? `unchanged (${what} already)` : what),
      },
    )
    if (!dryRun) await this.noteIfNobodyActs(client)
  }
}

function refuseScaledJob({ ref }: ScalerTarget): void {
  if (ref.kind !== 'ScaledJob') return
  throw new NsctlError(
    'Unsupported',
    `${refText(ref)} can only be paused as a whole: Jobs that run are not ended`,
    {
      value: ref.name,
      next: `write nsctl scaler pause ${refText(ref)}`,
    },
  )
}

function parseReplicas(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^\d{1,6}$/.test(text)) return Number(text)
  throw usage(
    `--replicas must be a whole number of at least 0, not ${JSON.stringify(text)}`,
    'scaler pause',
    text,
  )
}
