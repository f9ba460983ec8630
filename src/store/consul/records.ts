/** What the feed keeps in Consul, as text and as values. Each kind of record is small JSON that people can read. */
import { isObject } from '../../core/json.ts'

/** What one commit changed. */
export interface Changed {
  readonly put: readonly string[]
  readonly delete: readonly string[]
}

/** A commit in a shard's log. Its revision is the index of its key. */
export interface LogRecord extends Changed {
  /** Which commit of the shard it is, counted from 1: a slot that was used again tells itself by it. */
  readonly n: number
  /** Random: whoever does not know whether its commit happened finds it by this. */
  readonly id: string
}

export interface ScopeItem extends Changed {
  /** The revision of the commit. */
  readonly at: number
}

/** The last commits under one node. */
export interface ScopeRecord {
  /** Changes up to and including this revision are not told any more. */
  readonly since: number
  /** Oldest first. The last was written with this very record, so its revision is the index of the key. */
  readonly items: readonly ScopeItem[]
}

export function encodeLog({ n, id, put, delete: deleted }: LogRecord): string {
  return JSON.stringify({ n, id, put, delete: deleted })
}

export function decodeLog(text: string): LogRecord | undefined {
  const record = parse(text)
  if (record === undefined || typeof record.n !== 'number' || typeof record.id !== 'string') return undefined
  return { n: record.n, id: record.id, put: keys(record.put), delete: keys(record.delete) }
}

/** @param latest what the commit that writes this changes; its revision is not known before */
export function encodeScope(since: number, items: readonly ScopeItem[], latest?: Changed): string {
  return JSON.stringify({ since, items: latest === undefined ? items : [...items, latest] })
}

/**
 * A scope that tells nothing up to and including the commit that writes it.
 * @param id of that commit: Consul leaves a key as of its revision where it is set to what it holds, and nobody would hear of the second of two
 */
export function encodeUntold(id: string): string {
  return JSON.stringify({ id, items: [] })
}

/** @param index of the key: the revision of the last item */
export function decodeScope(text: string, index: number): ScopeRecord | undefined {
  const record = parse(text)
  if (record === undefined || !Array.isArray(record.items)) return undefined
  const items = record.items.filter(isObject).map((item) => ({
    at: typeof item.at === 'number' ? item.at : index,
    put: keys(item.put),
    delete: keys(item.delete),
  }))
  return { since: typeof record.since === 'number' ? record.since : index, items }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

function keys(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((key) => typeof key === 'string') : []
}
