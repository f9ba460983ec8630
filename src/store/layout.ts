/**
 * Which layout the keys and values of a store have. It is the same for every engine and beside the engine's own format, which is
 * about rows, feeds and the like. Each store says its layout in an entry of its own, which is there from the moment a store
 * is made; whoever rewrites the whole of a store says that in it as well. One that has no such entry is of layout 1.0.
 *
 * The minor moves with what those who know only the former read and write without harm, carrying along what they do not know:
 * a process may lag one of them. The major moves with everything else.
 */
import { NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'
import { refuseUnfinishedImport } from './import-plan.ts'
import { LAYOUT_KEY } from './snapshot.ts'
import type { Entry, FirstEntry, Operation, StoreReader } from './store.ts'

export interface LayoutVersion {
  readonly major: number
  readonly minor: number
}

/** An upgrade that is under way or was cut off. */
export interface UnfinishedUpgrade {
  readonly to: LayoutVersion
  /** When it began, as an ISO time. */
  readonly since: string
  /** A file with what the store held before. */
  readonly backup?: string
}

export interface LayoutMark {
  readonly layout: LayoutVersion
  /** The version of nsctl that made the store so; undefined where nobody has said. */
  readonly nsctl: string | undefined
  readonly upgrade?: UnfinishedUpgrade
  /** An import is under way or was cut off: its note says more. */
  readonly isFilling?: boolean
  /** Added to revisions makes them fencing tokens: larger than all that the store's contents had anywhere before. 0 where left out. */
  readonly tokenFloor?: number
  /** Of the entry; 0 where there is none. */
  readonly revision: number
}

/** Of stores that do not say. */
const UNSAID: LayoutVersion = { major: 1, minor: 0 }

/** `2.0`. */
export function layoutText({ major, minor }: LayoutVersion): string {
  return `${major}.${minor}`
}

/** Negative where `a` is the earlier one. */
export function compareLayouts(a: LayoutVersion, b: LayoutVersion): number {
  return a.major - b.major || a.minor - b.minor
}

/** True where a process that knows `own` can neither read nor write what is of `found`. */
export function isTooNew(found: LayoutVersion, own: LayoutVersion): boolean {
  return found.major > own.major || (found.major === own.major && found.minor > own.minor + 1)
}

/** What a store of `layout` says of itself: its first entry, or the one that takes the place of `before`. */
export function layoutOperation(
  { layout, nsctl, upgrade, isFilling, tokenFloor }: Omit<LayoutMark, 'revision'>,
  before?: Pick<LayoutMark, 'revision' | 'tokenFloor'>,
): Operation {
  const { to, ...facts } = upgrade ?? {}
  const floor = tokenFloor ?? before?.tokenFloor
  const value = JSON.stringify({
    layout: layoutText(layout),
    nsctl,
    ...(to === undefined ? {} : { upgrade: { to: layoutText(to), ...facts } }),
    ...(isFilling === true ? { isFilling } : {}),
    ...(floor === undefined ? {} : { tokenFloor: floor }),
  })
  return { kind: 'put', key: LAYOUT_KEY, value, expect: before?.revision ?? 0 }
}

/** The entries that a store which is made new begins with. */
export function firstEntries(
  layout: LayoutVersion,
  nsctl: string,
  tokenFloor?: number,
): readonly FirstEntry[] {
  const floor = tokenFloor === undefined ? {} : { tokenFloor }
  const operation = layoutOperation({ layout, nsctl, ...floor })
  return operation.kind === 'put' ? [{ key: operation.key, value: operation.value }] : []
}

/** @throws NsctlError StoreCorrupt where what should say it says nothing */
export async function readLayout(store: StoreReader & { readonly url: string }): Promise<LayoutMark> {
  const entry = await store.get(LAYOUT_KEY)
  if (entry === undefined) return { layout: UNSAID, nsctl: undefined, revision: 0 }
  const mark = parseMark(entry)
  if (mark !== undefined) return mark
  throw new NsctlError('StoreCorrupt', `the store ${store.url} does not say which layout it has`, {
    value: entry.value.slice(0, 80),
    next: 'restore the store from a backup; nsctl writes nothing like that',
  })
}

/** See `LayoutMark.tokenFloor`. */
export async function readTokenFloor(store: Pick<StoreReader, 'get'>): Promise<number> {
  const entry = await store.get(LAYOUT_KEY)
  return (entry && parseMark(entry)?.tokenFloor) ?? 0
}

/** Undefined for what no nsctl has written. */
export function parseMark({ value, revision }: Entry): LayoutMark | undefined {
  const said = parseJson(value)
  const { layout, nsctl, upgrade, isFilling, tokenFloor } = isObject(said) ? said : {}
  const version = parseLayout(layout)
  if (version === undefined) return undefined
  const unfinished = isObject(upgrade) ? unfinishedOf(upgrade, version) : undefined
  return {
    layout: version,
    nsctl: typeof nsctl === 'string' ? nsctl : undefined,
    ...(unfinished === undefined ? {} : { upgrade: unfinished }),
    ...(isFilling === true ? { isFilling } : {}),
    ...(typeof tokenFloor === 'number' ? { tokenFloor } : {}),
    revision,
  }
}

function unfinishedOf(said: Readonly<Record<string, unknown>>, layout: LayoutVersion): UnfinishedUpgrade {
  const { to, since, backup } = said
  return {
    to: parseLayout(to) ?? layout,
    since: typeof since === 'string' ? since : 'an unknown time',
    ...(typeof backup === 'string' ? { backup } : {}),
  }
}

function parseLayout(text: unknown): LayoutVersion | undefined {
  const found = /^(\d{1,6})\.(\d{1,6})$/.exec(String(text))
  return found === null ? undefined : { major: Number(found[1]), minor: Number(found[2]) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Throws StoreFormat where a newer nsctl made the store so that this one, which knows `own`, cannot read it. */
export function refuseTooNew(mark: LayoutMark, own: LayoutVersion, url: string): void {
  // half upgraded to what this one does not know is as good as newer
  const layout = mark.upgrade?.to ?? mark.layout
  if (!isTooNew(layout, own)) return
  const newest = layoutText({ major: own.major, minor: own.minor + 1 })
  throw new NsctlError(
    'StoreFormat',
    `the store ${url} has layout ${layoutText(layout)}, this nsctl reads layouts up to ${newest}`,
    {
      value: layoutText(layout),
      next: 'use the newer nsctl that made it, or another store (NSCTL_STORE); it was not changed',
    },
  )
}

/** Throws StoreFormat where the store is to be upgraded before it is written to, Conflict where that was begun and not ended. */
export function refuseOlder(mark: LayoutMark, own: LayoutVersion, url: string): void {
  refuseHalfUpgraded(mark, url)
  if (compareLayouts(mark.layout, own) >= 0) return
  throw new NsctlError(
    'StoreFormat',
    `the store ${url} has layout ${layoutText(mark.layout)}, this nsctl writes layout ${layoutText(own)}`,
    { value: layoutText(mark.layout), next: UPGRADE_FIRST },
  )
}

/** What to do about a store that an earlier nsctl made. */
export const UPGRADE_FIRST =
  'upgrade it: nsctl store upgrade. It makes a backup first, and with --dry-run only says what it would do; nothing was changed'

/** Throws Conflict where a part of the store is of one layout and a part of another. */
export function refuseHalfUpgraded({ upgrade }: LayoutMark, url: string): void {
  if (upgrade === undefined) return
  throw new NsctlError('Conflict', `the store ${url} is half upgraded: ${describeUpgrade(upgrade)}`, {
    value: layoutText(upgrade.to),
    next: nextAfterUpgrade(upgrade),
  })
}

/** `its upgrade to layout 2.0, begun at …, is under way or was cut off`. */
export function describeUpgrade({ to, since }: UnfinishedUpgrade): string {
  return `its upgrade to layout ${layoutText(to)}, begun at ${since}, is under way or was cut off`
}

/** What to do about it. */
export function nextAfterUpgrade({ backup }: UnfinishedUpgrade): string {
  const kept = backup === undefined ? '' : `; what the store held before is in ${backup}`
  return `if it was cut off: nsctl store upgrade goes on where it was${kept}`
}

/**
 * Makes sure that what the store holds is whole and of a layout that a process which knows `own` may write.
 *
 * @throws NsctlError StoreFormat for an older or a newer one, Conflict for what is half filled or half upgraded
 */
export async function refuseUnwritable(
  store: StoreReader & { readonly url: string },
  own: LayoutVersion,
): Promise<LayoutMark> {
  const { url } = store
  const mark = await readLayout(store)
  refuseTooNew(mark, own, url)
  if (mark.isFilling === true) await refuseUnfinishedImport(store)
  refuseOlder(mark, own, url)
  return mark
}
