/** Rules of what draining may cost. */
import type { Issues } from './field-rules.ts'
import type { ManifestSpec } from './manifest-types.ts'
import { shareFault } from './share.ts'

export function checkDisruption(issues: Issues, disruption: ManifestSpec['disruption']): void {
  if (disruption === undefined) return
  const { maxUnavailable } = disruption
  const message = shareFault(maxUnavailable)
  if (message !== undefined)
    issues.push({ path: ['spec', 'disruption', 'maxUnavailable'], message, value: maxUnavailable })
}
