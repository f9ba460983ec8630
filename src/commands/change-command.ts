import type { ChangeResult } from '../api/api.ts'
import { NsctlCommand } from './base.ts'
import { type ReportOptions, reportChanges } from './report.ts'

/** A verb that changes one object after the other. */
export abstract class ChangeCommand extends NsctlCommand {
  /** Changes each and prints what was done, also where one of them then fails: the ones before it are changed for good. */
  protected async changeEach<T>(
    targets: readonly T[],
    change: (target: T) => Promise<ChangeResult>,
    how: Omit<ReportOptions, 'nowMs'>,
  ): Promise<void> {
    const results: ChangeResult[] = []
    try {
      for (const target of targets) {
        const result = await change(target)
        for (const warning of result.warnings) this.note(`warning: ${warning}`)
        results.push(result)
      }
    } finally {
      if (results.length > 0)
        this.print(await reportChanges(results, { ...how, nowMs: this.context.clock.now() }))
    }
  }
}
