/** Unit files and instances' variables in the run directory. Small and on tmpfs, so written at once. */
import { join } from 'node:path'
import type { ProgramId, ProgramLimits } from '../runtime.ts'
import { environmentFileLine } from './escape.ts'
import { sliceUnit, targetUnit } from './group.ts'
import type { Layout } from './layout.ts'
import { groupStem, isGroupFile, parseUnitName, sliceStem, templateFile, unitName } from './names.ts'

/** Makes the folders. `envDir` is for systemd's eyes only. */
export function prepareFolders(layout: Layout): void {
  const { disk } = layout
  for (const dir of [layout.unitDir, layout.bindDir]) disk.makeFolder(dir, 0o755)
  disk.makeFolder(layout.envDir, 0o700)
  // programs in containers must get at the root in it
  disk.makeFolder(layout.containerDir, 0o755)
}

/** @returns `new` where systemd cannot know the file yet, `changed` where it may hold another text, else `same` */
export function writeTemplate(layout: Layout, id: ProgramId, text: string): 'new' | 'changed' | 'same' {
  return writeUnit(layout, join(layout.unitDir, templateFile(id)), text)
}

function writeUnit({ disk }: Layout, file: string, text: string): 'new' | 'changed' | 'same' {
  const before = disk.read(file)?.toString()
  if (before === text) return 'same'
  disk.write(file, text, { mode: 0o644 })
  return before === undefined ? 'new' : 'changed'
}

/** The unit's text as it stands for systemd. */
export function readTemplate(layout: Layout, id: ProgramId): string | undefined {
  return layout.disk.read(join(layout.unitDir, templateFile(id)))?.toString()
}

export function writeEnvironment(layout: Layout, id: ProgramId, own: Readonly<Record<string, string>>): void {
  const lines = Object.entries(own).map(([name, value]) => environmentFileLine(name, value))
  if (lines.length > 0) layout.disk.write(join(layout.envDir, unitName(id)), lines.join(''), { mode: 0o600 })
}

/** How one instance is stopped, where that differs from its template. systemd must read its files anew. */
export function writeStopDropIn(
  layout: Layout,
  id: ProgramId,
  stop: { signal: string; graceMs: number },
): void {
  const dir = dropInDir(layout, id)
  layout.disk.makeFolder(dir, 0o755)
  layout.disk.write(
    join(dir, 'stop.conf'),
    `[Service]\nKillSignal=${stop.signal}\nTimeoutStopSec=${Math.max(1, Math.round(stop.graceMs))}ms\n`,
    { mode: 0o644 },
  )
}

export function removeInstanceFiles(layout: Layout, id: ProgramId): void {
  const { disk } = layout
  disk.remove(join(layout.envDir, unitName(id)))
  for (const file of containerFiles(layout, id)) disk.remove(file)
  const dropIn = dropInDir(layout, id)
  if (disk.info(dropIn) !== undefined) disk.remove(dropIn)
}

export function removeTemplate(layout: Layout, id: ProgramId): void {
  layout.disk.remove(join(layout.unitDir, templateFile(id)))
}

/** The group's target and the instance's slice. Before the unit of a program, which names both. */
export function writeGroup(
  layout: Layout,
  id: ProgramId,
  limits: ProgramLimits,
  fenced: boolean,
): 'new' | 'changed' | 'same' {
  const target = writeUnit(layout, targetFile(layout, id), targetUnit(id))
  const slice = writeUnit(layout, sliceFile(layout, id, fenced), sliceUnit(id, limits))
  if (target === 'changed' || slice === 'changed') return 'changed'
  return target === 'new' || slice === 'new' ? 'new' : 'same'
}

/**
 * Has systemd look at the folder when it next needs a unit. It compares the folder's time with that of its last look, and files set it only to the
 * tick of a clock; a slice that was missed would be taken for one without limits.
 */
export function touchUnits({ unitDir, disk }: Layout): void {
  disk.touch(unitDir)
}

export function removeSlice(layout: Layout, id: ProgramId): void {
  for (const fenced of [false, true]) layout.disk.remove(sliceFile(layout, id, fenced))
}

export function removeTarget(layout: Layout, id: ProgramId): void {
  layout.disk.remove(targetFile(layout, id))
}

/** Everything of ours in the unit directory and the run directory; mount points that are still in use stay. */
export function removeAllFiles(layout: Layout): void {
  const { disk } = layout
  for (const name of disk.names(layout.unitDir)) {
    const unit = name.replace(/\.d$/, '').replace(/@\.service$/, '@0.service')
    if (parseUnitName(unit) !== undefined || isGroupFile(name)) disk.remove(join(layout.unitDir, name))
  }
  for (const path of [
    layout.envDir,
    layout.bindDir,
    layout.materialDir,
    layout.linkDir,
    layout.givenDir,
    layout.containerDir,
    layout.memoryFile,
    layout.restoredFile,
    layout.fenceFile,
  ])
    disk.remove(path)
}

/** The machine's pid of a program in a container, which is not its unit's main one; undefined for any other, and where it has not begun. */
export function readContainedPid(
  layout: Pick<Layout, 'containerDir' | 'disk'>,
  id: ProgramId,
): number | undefined {
  return Number(layout.disk.read(pidFile(layout, id))) || undefined
}

function pidFile({ containerDir }: Pick<Layout, 'containerDir'>, id: ProgramId): string {
  return join(containerDir, `${unitName(id)}.pid`)
}

function containerFiles(layout: Layout, id: ProgramId): readonly string[] {
  return [pidFile(layout, id), join(layout.containerDir, `${unitName(id)}.end`)]
}

function dropInDir(layout: Layout, id: ProgramId): string {
  return join(layout.unitDir, `${unitName(id)}.d`)
}

function targetFile(layout: Layout, id: ProgramId): string {
  return join(layout.unitDir, `${groupStem(id)}@.target`)
}

function sliceFile(layout: Layout, id: ProgramId, fenced: boolean): string {
  return join(layout.unitDir, `${sliceStem(id, fenced)}_${id.ordinal}.slice`)
}
