/** Unit files and instances' variables in the run directory. Small and on tmpfs, so written at once. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramId } from '../runtime.ts'
import { environmentFileLine } from './escape.ts'
import type { Layout } from './layout.ts'
import { parseUnitName, templateFile, unitName } from './names.ts'

/** Makes the folders. `envDir` is for systemd's eyes only. */
export function prepareFolders(layout: Layout): void {
  for (const dir of [layout.unitDir, layout.bindDir]) mkdirSync(dir, { recursive: true, mode: 0o755 })
  mkdirSync(layout.envDir, { recursive: true, mode: 0o700 })
}

/** @returns `new` where systemd cannot know the file yet, `changed` where it may hold another text, else `same` */
export function writeTemplate(layout: Layout, id: ProgramId, text: string): 'new' | 'changed' | 'same' {
  const file = join(layout.unitDir, templateFile(id))
  const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined
  if (before === text) return 'same'
  writeWhole(file, text, 0o644)
  return before === undefined ? 'new' : 'changed'
}

/** The unit's text as it stands for systemd. */
export function readTemplate(layout: Layout, id: ProgramId): string | undefined {
  const file = join(layout.unitDir, templateFile(id))
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

export function writeEnvironment(layout: Layout, id: ProgramId, own: Readonly<Record<string, string>>): void {
  const lines = Object.entries(own).map(([name, value]) => environmentFileLine(name, value))
  if (lines.length > 0) writeWhole(join(layout.envDir, unitName(id)), lines.join(''), 0o600)
}

/** How one instance is stopped, where that differs from its template. systemd must read its files anew. */
export function writeStopDropIn(
  layout: Layout,
  id: ProgramId,
  stop: { signal: string; graceMs: number },
): void {
  const dir = dropInDir(layout, id)
  mkdirSync(dir, { recursive: true })
  writeWhole(
    join(dir, 'stop.conf'),
    `[Service]\nKillSignal=${stop.signal}\nTimeoutStopSec=${Math.max(1, Math.round(stop.graceMs))}ms\n`,
    0o644,
  )
}

export function removeInstanceFiles(layout: Layout, id: ProgramId): void {
  rmSync(join(layout.envDir, unitName(id)), { force: true })
  const dropIn = dropInDir(layout, id)
  if (existsSync(dropIn)) rmSync(dropIn, { recursive: true })
}

export function removeTemplate(layout: Layout, id: ProgramId): void {
  rmSync(join(layout.unitDir, templateFile(id)), { force: true })
}

/** Everything of ours in the unit directory and the run directory; mount points that are still in use stay. */
export function removeAllFiles(layout: Layout): void {
  for (const name of readdirSync(layout.unitDir)) {
    const unit = name.replace(/\.d$/, '').replace(/@\.service$/, '@0.service')
    if (parseUnitName(unit) !== undefined)
      rmSync(join(layout.unitDir, name), { recursive: true, force: true })
  }
  for (const path of [
    layout.envDir,
    layout.bindDir,
    layout.materialDir,
    layout.linkDir,
    layout.givenDir,
    layout.memoryFile,
    layout.restoredFile,
  ])
    rmSync(path, { recursive: true, force: true })
}

/** A reader sees the old file or the new one, never half of it. */
export function writeWhole(file: string, text: string, mode: number): void {
  const part = `${file}.${process.pid}.part`
  writeFileSync(part, text, { mode })
  renameSync(part, file)
}

function dropInDir(layout: Layout, id: ProgramId): string {
  return join(layout.unitDir, `${unitName(id)}.d`)
}
