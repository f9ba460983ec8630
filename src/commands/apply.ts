import * as Flags from '@oclif/core/flags'
import type { ApplyResult, ChangeResult } from '../api/api.ts'
import { combineFaults } from '../client/manifests.ts'
import { isNsctlError, messageOf, NsctlError } from '../core/errors.ts'
import { formatCount } from '../core/words.ts'
import type { Service } from '../resources/generated/types.ts'
import { GROUP } from '../resources/object.ts'
import { secretVariablesCaution } from '../views/cautions.ts'
import { objectName } from '../views/names.ts'
import { aboutScaler, isScaler } from '../views/scaler/about.ts'
import { aboutSecret } from './about-secret.ts'
import { NsctlCommand } from './base.ts'
import { isDryRun } from './dry-run.ts'
import * as shared from './flags.ts'
import { loadFiles, noDocument } from './input.ts'
import { checkOutput, reportChanges } from './report.ts'

/** `nsctl apply`. */
export class Apply extends NsctlCommand {
  static override summary = 'Make what manifests say true'
  static override description = [
    'A field that a manifest leaves out is left alone, one that it no longer has is removed, and one that a controller owns stays.',
    'All documents are checked before anything is written: one that is wrong stops all of them, unless --partial.',
  ].join('\n')
  static override examples = [
    'nsctl apply -f web.yaml',
    'nsctl apply -f shop/ -R --dry-run',
    'nsctl get svc web -o yaml | nsctl apply -f -',
  ]
  static override flags = {
    filename: shared.filename,
    recursive: shared.recursive,
    'dry-run': shared.dryRun,
    partial: Flags.boolean({ summary: 'Apply what is right even where other documents are wrong.' }),
    output: shared.changeOutput,
  }

  override async run(): Promise<number | undefined> {
    const { flags } = await this.parse(Apply)
    checkOutput(flags.output)
    const dryRun = isDryRun(flags['dry-run'])
    const loaded = await loadFiles(flags, 'apply', this.context)
    if (loaded.failed.length > 0 && !flags.partial) throw combineFaults(loaded.failed, 'nothing was applied')
    if (loaded.manifests.length === 0 && loaded.failed.length === 0)
      throw noDocument(flags, 'nothing was applied')
    const client = await this.client(dryRun ? 'compare' : 'write')
    const result = await client.apply(loaded.manifests, {
      actor: this.actor(loaded.from),
      dryRun,
      partial: flags.partial,
      namespace: this.namespace,
    })
    await this.#report(result, { output: flags.output, dryRun })
    const failures = [...loaded.failed, ...result.failed.map((failed) => asNsctlError(failed.error))]
    if (!dryRun && result.results.some((one) => one.verdict !== 'unchanged'))
      await this.noteIfNobodyActs(client)
    if (failures.length > 0) throw combineFaults(failures, 'the other documents were applied')
    return 0
  }

  async #report(
    { results }: ApplyResult,
    options: { readonly output: string | undefined; readonly dryRun: boolean },
  ): Promise<void> {
    // what is said of a version is said once, however many documents are in it
    const warnings = new Set(results.flatMap((result) => result.warnings))
    const caution = secretVariablesCaution(results)
    if (caution !== undefined) warnings.add(caution)
    for (const warning of warnings) this.note(`warning: ${warning}`)
    const nowMs = this.context.clock.now()
    this.print(await reportChanges(results, { ...options, nowMs, words: appliedWords(results) }))
    if (options.output === undefined) this.print(summaryLine(results))
  }
}

/** `created        2 replicas, rolling`: what happened and, of some, in a few words what it is; in a column. */
function appliedWords(results: readonly ChangeResult[]): (result: ChangeResult) => string {
  const headOf = ({ kind, object, verdict }: ChangeResult) => `${objectName(kind, object)} ${verdict}`
  const width = Math.max(...results.map((result) => headOf(result).length))
  return (result) => {
    const about = aboutObject(result)
    const gap = about === '' ? '' : ' '.repeat(width - headOf(result).length + 3)
    return `${result.verdict}${gap}${about}`
  }
}

function aboutObject(result: ChangeResult): string {
  if (result.kind.kind === 'Secret') return aboutSecret(result)
  if (result.verdict !== 'created' || result.kind.group !== GROUP) return ''
  if (isScaler(result.kind.kind)) return aboutScaler(result.object)
  return result.kind.kind === 'Service' ? aboutService(result) : ''
}

function aboutService({ object }: ChangeResult): string {
  const spec = object.spec as Partial<Service['spec']>
  const replicas = spec.replicas ?? 1
  const isOnEach = spec.placement?.strategy === 'perNode'
  return `${isOnEach ? 'one on each node' : formatCount(replicas, 'replica')}, ${(spec.update?.strategy ?? 'Rolling').replace('BlueGreen', 'blue-green').toLowerCase()}`
}

/** `3 created, 0 changed, 0 unchanged` */
function summaryLine(results: readonly ChangeResult[]): string {
  const count = (verdict: string) => results.filter((result) => result.verdict === verdict).length
  return `${count('created')} created, ${count('configured')} changed, ${count('unchanged')} unchanged`
}

function asNsctlError(error: Error): NsctlError {
  return isNsctlError(error) ? error : new NsctlError('Failed', messageOf(error), { cause: error })
}
