/**
 * What agents wrote, as far as it can be believed. An agent has a credential for its own node's keys, and whoever stole that may have put
 * anything there: it is read as what it says of that node, or not at all, and never keeps others from reading theirs. Pure.
 */
import { isObject, type Json } from '../core/json.ts'
import type { Kind } from '../resources/kinds.ts'
import { type AnyResource, API_VERSION } from '../resources/object.ts'
import type { Entry } from '../store/store.ts'
import { decodeObject, type StatusHalf } from './codec.ts'
import type { ObjectAddress } from './keys.ts'

/** A status that is not of its kind's shape counts as none: whoever reads on relies on the shape. */
export function statusHalf(kind: Kind, entry: Entry | undefined): StatusHalf | undefined {
  if (entry === undefined) return undefined
  const status = parsed(entry.value)
  const fits = isObject(status) && kind.hasStatusShape(status)
  return { status: fits ? (status as Json) : undefined, revision: entry.revision }
}

/** True for an Event that the agent of a node recorded. */
export function isReported({ part, node }: ObjectAddress): boolean {
  return part === 'object' && node !== undefined
}

/** An Event that is of that node's agent whatever it says; undefined where it is no Event at all. */
export function reportedEvent(
  entry: Entry,
  { node, namespace, name }: ObjectAddress,
): AnyResource | undefined {
  if (!isEvent(parsed(entry.value))) return undefined
  const event = decodeObject(entry)
  const { uid, creationTimestamp, resourceVersion } = event.metadata
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...{ uid, creationTimestamp, resourceVersion },
  }
  const told = { apiVersion: API_VERSION, kind: 'Event', metadata, source: `agent ${node}` }
  return { ...event, ...told } as AnyResource
}

const EVENT_TEXTS = ['objectText', 'type', 'reason', 'message', 'firstTimestamp', 'lastTimestamp'] as const

function isEvent(event: unknown): boolean {
  if (!isObject(event) || !isObject(event.metadata) || !isObject(event.involvedObject)) return false
  const { uid, creationTimestamp } = event.metadata
  const { kind, name } = event.involvedObject
  const texts = [...EVENT_TEXTS.map((member) => event[member]), uid, creationTimestamp, kind, name]
  return Number.isSafeInteger(event.count) && texts.every((text) => typeof text === 'string')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
