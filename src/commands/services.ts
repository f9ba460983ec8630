/** What only Services have: rollouts. */
import { NsctlError } from '../core/errors.ts'
import { refText } from '../resources/object.ts'
import type { Selected } from './selection.ts'

/** Unsupported for a kind that rolls nothing out. */
export function mustBeService({ kind, ref }: Selected): void {
  if (kind.kind === 'Service') return
  throw new NsctlError('Unsupported', `${refText(ref)} has no rollout: only services have`, {
    value: refText(ref),
    next: 'name a service: service/web',
  })
}
