/** How a lease is kept in the store: who holds it under one key, and under another the epoch that fences. */
import { isObject } from '../core/json.ts'
import type { LeaseHolder } from './holder.ts'

export interface LeaseRecord {
  readonly holder: LeaseHolder
  /** Of the holder: others may take over once the record has stood still for this long. */
  readonly ttlMs: number
  /** Grows with every acquisition. */
  readonly epoch: number
  /** Makes each renewal a change. */
  readonly renewals: number
  /** The holder's wall clock: for people, never for judging expiry. */
  readonly renewedAtMs: number
}

export interface LeaseKeys {
  readonly record: string
  readonly epoch: string
}

/** Every key of every lease begins with it. */
export const LEASE_PREFIX = 'lease/'

/** Two keys, because a renewal must not move what the fence checks. */
export function leaseKeys(name: string): LeaseKeys {
  return { record: `${LEASE_PREFIX}${name}/holder`, epoch: `${LEASE_PREFIX}${name}/epoch` }
}

/** Whether a key is that of a lease's record. No other key begins with one. */
export function isLeaseRecord(key: string): boolean {
  return key.startsWith(LEASE_PREFIX) && key.endsWith('/holder')
}

/** Undefined for what is no record of ours: then only standing still for long enough shows that it is free. */
export function parseRecord(text: string): LeaseRecord | undefined {
  try {
    const record: unknown = JSON.parse(text)
    return isRecord(record) ? record : undefined
  } catch {
    return undefined
  }
}

function isRecord(record: unknown): record is LeaseRecord {
  if (!isObject(record) || !isObject(record.holder)) return false
  const { holder } = record
  return (
    [record.ttlMs, record.epoch, record.renewals, record.renewedAtMs, holder.pid].every(Number.isFinite) &&
    [holder.id, holder.host, holder.startTime, holder.bootId].every((text) => typeof text === 'string') &&
    isObject(holder.about)
  )
}
