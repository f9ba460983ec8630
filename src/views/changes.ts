/** What changed, in a line: `memory 128Mi → 96Mi, source unchanged`. */
import type { FieldChange } from '../api/api.ts'
import { formatPath, isObject, type Json, type Path, valueAt } from '../core/json.ts'
import { recipientsChange, splitSealed } from './sealed.ts'
import { printable, truncate } from './width.ts'

const VALUE_CELLS = 40

/** Lists whose items have names. */
const LISTS: ReadonlySet<string> = new Set(['env', 'ports', 'programs', 'storage'])

export interface SummaryOptions {
  /** Say so where the program itself stays: what a person wants to know of a rollback. */
  readonly mentionSource?: boolean
  /** Changes shown before `and N more`. */
  readonly limit?: number
  /** The object after the changes: items of lists are then called by their names, `env.LOG_LEVEL` rather than `env[0]`. */
  readonly within?: unknown
}

/** One line about `changes`; `no change` where there are none. */
export function summarizeChanges(changes: readonly FieldChange[], options: SummaryOptions = {}): string {
  const all = changes.flatMap((change) => leavesOf(named(change, options.within)))
  if (all.length === 0) return 'no change'
  const { sealed, others: leaves } = splitSealed(all)
  const limit = options.limit ?? 4
  const said = [
    ...sealed.map(({ path, what }) => `${formatPath(path.slice(-2))} ${what}`),
    ...leaves.map((change) => recipientsChange(change) ?? describeChange(change, leaves)),
  ]
  const parts = said.slice(0, limit)
  if (said.length > limit) parts.push(`and ${said.length - limit} more`)
  if (options.mentionSource === true && !leaves.some((change) => touchesProgram(change.path)))
    parts.push('source unchanged')
  return parts.join(', ')
}

/** The change with items' names in its path where they are known. */
function named(change: FieldChange, within: unknown): FieldChange {
  const path = change.path.map((step, i) => {
    if (typeof step !== 'number') return step
    // an item that came or went as a whole has its name in itself
    const isWhole = i === change.path.length - 1
    const item = isWhole ? (change.to ?? change.from) : valueAt(within, change.path.slice(0, i + 1))
    return isObject(item) && typeof item.name === 'string' ? item.name : step
  })
  const isEnvValue = path.length >= 3 && path.at(-3) === 'env' && path.at(-1) === 'value'
  return { ...change, path: isEnvValue ? path.slice(0, -1) : path }
}

/** Whether a change touches what is executed. */
function touchesProgram(path: Path): boolean {
  return path.includes('source') || path.includes('programs')
}

function describeChange(change: FieldChange, all: readonly FieldChange[]): string {
  const name = shortName(change.path, all)
  if (change.from === undefined) return `${name} ${valueText(change.to)} added`
  if (change.to === undefined) return `${name} ${valueText(change.from)} removed`
  return `${name} ${valueText(change.from)} → ${valueText(change.to)}`
}

/** As many last steps of the path as tell it from the other changes, and never a bare number. */
function shortName(path: Path, all: readonly FieldChange[]): string {
  for (let steps = 1; steps <= path.length; steps++) {
    const tail = path.slice(-steps)
    if (isItem(path, path.length - steps)) continue
    const text = formatPath(tail)
    const same = all.filter((other) => formatPath(other.path.slice(-steps)) === text)
    if (same.length <= 1) return text
  }
  return formatPath(path)
}

/** Whether a step names an item of a list of ours: alone it would say too little. */
function isItem(path: Path, at: number): boolean {
  return typeof path[at] === 'number' || LISTS.has(String(path[at - 1]))
}

/** A value as it would be typed, shortened. */
export function valueText(value: Json | undefined): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return value === '' ? '""' : truncate(printable(value), VALUE_CELLS)
  if (Array.isArray(value) && value.every((item) => typeof item === 'string'))
    return truncate(printable(`[${value.join(', ')}]`), VALUE_CELLS)
  return truncate(printable(JSON.stringify(value)), VALUE_CELLS)
}

/** A change of a whole map as the changes of its members, so that `resources {…} → {…}` names the member that differs. */
function leavesOf(change: FieldChange): readonly FieldChange[] {
  const { from, to, path } = change
  if (isItem(path, path.length - 1)) return [itemChange(change)]
  const [left, right] = [isObject(from) ? from : undefined, isObject(to) ? to : undefined]
  if (left === undefined && right === undefined) return [change]
  if ((left === undefined && from !== undefined) || (right === undefined && to !== undefined)) return [change]
  const keys = [...new Set([...Object.keys(left ?? {}), ...Object.keys(right ?? {})])]
  if (keys.length === 0) return [change]
  return keys.flatMap((key) => {
    const [before, after] = [left?.[key] as Json | undefined, right?.[key] as Json | undefined]
    if (JSON.stringify(before) === JSON.stringify(after)) return []
    return leavesOf({
      path: [...path, key],
      ...(before === undefined ? {} : { from: before }),
      ...(after === undefined ? {} : { to: after }),
    })
  })
}

/** An item that came or went as a whole, without the name that its path already says. */
function itemChange(change: FieldChange): FieldChange {
  const bare = (item: Json | undefined): Json | undefined => {
    if (!isObject(item) || item.name !== change.path.at(-1)) return item
    const { name: _name, ...rest } = item as Record<string, Json>
    return Object.keys(rest).length === 1 && rest.value !== undefined ? rest.value : rest
  }
  const [from, to] = [bare(change.from), bare(change.to)]
  return {
    path: change.path,
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
  }
}
