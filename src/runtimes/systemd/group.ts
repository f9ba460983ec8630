/**
 * A group's programs as one thing in systemd's hands: a slice per instance that holds them to what they may use together, and a target by which
 * people stop, start again and look at them as one. Pure. Nobody asks for either: each program's unit brings both along, and both end with the last
 * of them.
 */
import type { ProgramId, ProgramLimits } from '../runtime.ts'
import { limitLines } from './limits.ts'
import { groupStem, SLICE, sliceStem, UNIQUE_SLICE } from './names.ts'

const HEAD = ['# Written by nsctl; changes here are lost.', '[Unit]']
const ENDS_WITH_THE_LAST = ['StopWhenUnneeded=yes', 'CollectMode=inactive-or-failed']

/** What makes a program's unit one of its group's: lines of [Unit]; none where it stands alone. */
export function groupLines(id: ProgramId): readonly string[] {
  if (id.program === '') return []
  const target = `${groupStem(id)}@%i.target`
  // wanted, not required: a program whose group cannot be shown so runs all the same
  return [`PartOf=${target}`, `Wants=${target}`]
}

/** The slice of a program's unit. */
export function sliceOf(id: ProgramId, fenced = false): string {
  if (id.program === '') return fenced ? UNIQUE_SLICE : SLICE
  return `${sliceStem(id, fenced)}_%i.slice`
}

/** The target's template. It pulls nothing in: when a program starts again is up to whoever counts how often it failed. */
export function targetUnit({ namespace, service }: ProgramId): string {
  const description = `Description=nsctl ${namespace}/${service}-%i, all programs`
  return [...HEAD, description, ...ENDS_WITH_THE_LAST, ''].join('\n')
}

/** The slice of one instance. Directly below our own: it is weighed against what stands alone. */
export function sliceUnit({ namespace, service, ordinal }: ProgramId, limits: ProgramLimits): string {
  const description = `Description=nsctl ${namespace}/${service}-${ordinal}, all programs`
  return [...HEAD, description, ...ENDS_WITH_THE_LAST, '', '[Slice]', ...limitLines(limits), ''].join('\n')
}
