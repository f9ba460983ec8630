/** How a stop that differs from what the unit says is brought about. Pure. */
import type { ProgramState } from '../runtime.ts'

export interface StopSettings {
  readonly signal: string
  readonly graceMs: number
}

export interface StopPlan {
  /** The unit must say this before it is stopped. */
  readonly dropIn?: StopSettings
  /** What is left is killed after so long, sooner than systemd would. */
  readonly killAfterMs?: number
}

/** What a template's text says of stopping; undefined where there is no text. */
export function stopSettings(unit: string | undefined): StopSettings | undefined {
  const signal = /^KillSignal=(.*)$/m.exec(unit ?? '')?.[1]
  const graceMs = /^TimeoutStopSec=(\d+)ms$/m.exec(unit ?? '')?.[1]
  return signal === undefined || graceMs === undefined ? undefined : { signal, graceMs: Number(graceMs) }
}

/**
 * A shorter time is kept by a timer of ours, which needs no reload and whose loss only falls back to the unit's own time. A longer one or
 * another signal must stand in the unit, unless it is being stopped already.
 */
export function planStop(
  unit: StopSettings | undefined,
  wanted: StopSettings,
  state: ProgramState | undefined,
): StopPlan {
  const graceMs = Math.max(1, Math.round(wanted.graceMs))
  if (state === 'exited') return {}
  if (state === 'stopping') return { killAfterMs: graceMs }
  if (unit === undefined || unit.signal !== wanted.signal || graceMs > unit.graceMs)
    return { dropIn: { signal: wanted.signal, graceMs } }
  return graceMs < unit.graceMs ? { killAfterMs: graceMs } : {}
}
