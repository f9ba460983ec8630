/** What the verbs about Secrets share. */
import type { ChangeResult } from '../api/api.ts'
import { aboutSecret } from './about-secret.ts'
import { NsctlCommand } from './base.ts'
import { reportChanges } from './report.ts'
import { type ValueFlags, valuesOf } from './value-flags.ts'

export abstract class SecretCommand extends NsctlCommand {
  /** What the flags name, by key. */
  protected async values(given: ValueFlags): Promise<Map<string, Uint8Array>> {
    return new Map((await valuesOf(given, this.context)).map(({ key, value }) => [key, value]))
  }

  /** `secret/db created   2 keys sealed to 3 recipients` */
  protected async report(
    result: ChangeResult,
    { output, dryRun, words = result.verdict }: ReportWords,
  ): Promise<void> {
    for (const warning of result.warnings) this.note(`warning: ${warning}`)
    const about = aboutSecret(result)
    const said = about === '' ? words : `${words}   ${about}`
    const nowMs = this.context.clock.now()
    this.print(await reportChanges([result], { output, dryRun, nowMs, words: () => said }))
  }
}

interface ReportWords {
  readonly output: string | undefined
  readonly dryRun: boolean
  readonly words?: string
}
