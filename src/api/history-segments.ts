/**
 * The ring of history segments in the store: `history/head` says the newest's number, `history/segment/<number modulo 120>` holds one. It is no
 * part of what is copied (store/snapshot.ts): it is what was seen, and not what is wanted.
 */
import { NsctlError } from '../core/errors.ts'
import { isObject } from '../core/json.ts'
import type { Fence } from '../store/lease.ts'
import { HISTORY_PREFIX } from '../store/snapshot.ts'
import type { StoreReader, StoreWriter } from '../store/store.ts'
import type { Segment, SegmentLog, SegmentReader } from '../telemetry/history/segments.ts'

const HEAD_KEY = `${HISTORY_PREFIX}head`
/** Segments kept: at a publication each 15 s half an hour, and five minutes where each has the most segments: HPA's window. */
export const RING = 120

function slotKey(number: number): string {
  return `${HISTORY_PREFIX}segment/${String(number % RING).padStart(3, '0')}`
}

export function readSegments(store: StoreReader): SegmentReader {
  return {
    async read(after) {
      const head = await headOf(store)
      // the ring was begun anew: what is in it is news
      const from = Math.max(after > head ? 0 : after, head - RING) + 1
      if (from > head) return []
      const keys = Array.from({ length: head - from + 1 }, (_, i) => slotKey(from + i))
      const entries = await store.getMany(keys)
      return entries
        .flatMap(({ value }) => parseSegment(value))
        .filter(({ number }) => number >= from && number <= head)
        .sort((a, b) => a.number - b.number)
    },
  }
}

/** For the leader alone: `fence` is of its term. */
export function segmentLog(store: StoreReader & StoreWriter, fence: Fence): SegmentLog {
  return {
    ...readSegments(store),
    async append(text) {
      const number = (await headOf(store)) + 1
      const value = JSON.stringify({ number, text })
      const [result] = await store.commit([
        [
          ...fence,
          { kind: 'put', key: slotKey(number), value },
          { kind: 'put', key: HEAD_KEY, value: String(number) },
        ],
      ])
      if (result?.kind === 'committed') return number
      throw new NsctlError('Fenced', 'another process has taken over and this one may write no more')
    },
  }
}

async function headOf(store: StoreReader): Promise<number> {
  const entry = await store.get(HEAD_KEY)
  const head = Number(entry?.value ?? 0)
  return Number.isSafeInteger(head) && head > 0 ? head : 0
}

function parseSegment(value: string): readonly Segment[] {
  try {
    const segment: unknown = JSON.parse(value)
    if (!isObject(segment)) return []
    const { number, text } = segment
    return typeof number === 'number' && typeof text === 'string' ? [{ number, text }] : []
  } catch {
    return []
  }
}
