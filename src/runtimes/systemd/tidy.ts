/** What ended and is not wanted leaves no files. */
import type { ProgramId } from '../runtime.ts'
import type { DesiredSet } from './desired.ts'
import { removeInstanceFiles, removeSlice, removeTarget, removeTemplate } from './files.ts'
import type { Layout } from './layout.ts'
import type { SystemdMaterials } from './materials.ts'
import { groupStem, templateName } from './names.ts'
import type { ProgramTracker } from './tracker.ts'

export interface TidyParts {
  readonly layout: Layout
  readonly desired: DesiredSet
  readonly tracker: ProgramTracker
  readonly materials: SystemdMaterials
}

/** Removes the files of a program that has ended. Returns whether that was the last of its template. */
export function tidyFiles({ layout, desired, tracker, materials }: TidyParts, id: ProgramId): boolean {
  removeInstanceFiles(layout, id)
  if (id.program !== '') tidyGroup({ layout, desired, tracker }, id)
  materials.remove(id)
  if (desired.unitOf(id) !== undefined) return false
  const template = templateName(id)
  for (const other of tracker.observe().values())
    if (other.state !== 'exited' && templateName(other.id) === template) return false
  removeTemplate(layout, id)
  materials.removeTemplate(id)
  return true
}

/** With the last of an instance's programs goes its slice, and with the last of all the target. */
function tidyGroup({ layout, desired, tracker }: Omit<TidyParts, 'materials'>, id: ProgramId): void {
  const group = groupStem(id)
  const left = new Set<number>()
  for (const one of desired.templates())
    if (groupStem(one.id) === group) for (const ordinal of one.instances.keys()) left.add(ordinal)
  for (const { id: one, state } of tracker.observe().values())
    if (state !== 'exited' && groupStem(one) === group) left.add(one.ordinal)
  if (!left.has(id.ordinal)) removeSlice(layout, id)
  if (left.size === 0) removeTarget(layout, id)
}
