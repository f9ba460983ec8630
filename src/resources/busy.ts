/** Whether an instance is in the middle of something, so that a scale-down takes others first and waits for it. */
import { OWN_PREFIX } from './object.ts'

/** On an Instance, `"true"`: it is busy, whatever its probe says. `"false"` is the same as none. */
export const BUSY = `${OWN_PREFIX}busy`

/** As much of an Instance as says it. */
export interface MaybeBusy {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> }
  readonly status?: { readonly busy?: boolean }
}

/** By its busy probe, or by who says so of it. */
export function isBusy(instance: MaybeBusy): boolean {
  return instance.status?.busy === true || isSaidBusy(instance)
}

/** By its annotation alone. */
export function isSaidBusy({ metadata }: Pick<MaybeBusy, 'metadata'>): boolean {
  return metadata.annotations?.[BUSY] === 'true'
}
