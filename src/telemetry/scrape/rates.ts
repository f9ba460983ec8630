/** What was used between two looks at a node. Pure. */
import type { NodeCounts } from './sample.ts'

/** Thousandths of a core, bytes, bytes a second. */
export interface UsageSample {
  readonly value: number
  /** On the steady timeline: the end of the window. */
  readonly atMs: number
  readonly windowMs: number
}

/** One look at a node. */
export interface Scrape {
  /** On the steady timeline. */
  readonly atMs: number
  /** The wall clock's time then. */
  readonly wallMs: number
  readonly counts: NodeCounts
}

/** A scrape so young answers whoever asks. */
export const FRESH_MS = 1_000
/** What is used in less says nothing. */
const LEAST_WINDOW_MS = 900

/** Its memory at the last of `scrapes`; undefined where that does not tell. */
export function memoryOf(key: string, scrapes: readonly Scrape[]): UsageSample | undefined {
  const now = scrapes.at(-1)
  const value = now?.counts.get(key)?.memoryBytes
  return now === undefined || value === undefined ? undefined : { value, atMs: now.atMs, windowMs: 0 }
}

/** A total, and what makes a sample of what it grew in a second. */
export interface Rate {
  readonly member: 'cpuSeconds' | 'ioBytes'
  readonly factor: number
}

export const CPU: Rate = { member: 'cpuSeconds', factor: 1_000 }
export const IO: Rate = { member: 'ioBytes', factor: 1 }

/** Since the first look that has the instance, or since its start where it came after the last look. */
export function rateOf(
  key: string,
  scrapes: readonly Scrape[],
  { member, factor }: Rate,
): UsageSample | undefined {
  const now = scrapes.at(-1)
  const counts = now?.counts.get(key)
  const used = counts?.[member]
  if (now === undefined || counts === undefined || used === undefined) return undefined
  const sample = (added: number, windowMs: number): UsageSample | undefined =>
    added < 0 || windowMs < LEAST_WINDOW_MS
      ? undefined
      : { value: (added / (windowMs / 1_000)) * factor, atMs: now.atMs, windowMs: Math.round(windowMs) }
  const before = scrapes.find((one) => one !== now && one.counts.get(key)?.[member] !== undefined)
  if (before !== undefined)
    return sample(used - (before.counts.get(key)?.[member] ?? 0), now.atMs - before.atMs)
  const lastLook = scrapes.at(-2)
  if (lastLook === undefined || counts.startedAtSeconds === undefined) return undefined
  const aliveMs = now.wallMs - counts.startedAtSeconds * 1_000
  // it was there and was not told of: what it used before is not known
  return aliveMs > now.atMs - lastLook.atMs + FRESH_MS ? undefined : sample(used, aliveMs)
}
