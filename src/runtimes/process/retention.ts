/** How long the output of programs is kept that are no longer known. */
import { readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Layout } from './layout.ts'

export const FORGOTTEN_KEPT_MS = 7 * 86_400_000
export const FORGOTTEN_KEPT = 200

/**
 * Removes the output of forgotten programs: all but the newest 200, and what is a week old.
 *
 * @param nowMs wall clock; undefined where it cannot be relied on
 */
export function pruneForgotten(
  layout: Layout,
  isKnown: (name: string) => boolean,
  nowMs: number | undefined,
): void {
  const oldestMs = nowMs === undefined ? -Infinity : nowMs - FORGOTTEN_KEPT_MS
  readdirSync(layout.logs)
    .filter((name) => !isKnown(name))
    .map((name) => ({ path: join(layout.logs, name), atMs: changedAtMs(join(layout.logs, name)) }))
    .sort((a, b) => b.atMs - a.atMs)
    .filter(({ atMs }, i) => i >= FORGOTTEN_KEPT || atMs < oldestMs)
    .forEach(({ path }) => {
      rmSync(path, { recursive: true, force: true })
    })
}

/** When anything in a directory was last written. */
function changedAtMs(dir: string): number {
  const times = readdirSync(dir).map(
    (file) => statSync(join(dir, file), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  )
  return Math.max(statSync(dir).mtimeMs, ...times)
}
