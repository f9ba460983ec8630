/** Naming an object that was seen. */
import { type AnyResource, type ObjectRef, refOfObject } from '../resources/object.ts'
import type { SeenRef } from './api.ts'

/** This very object, where it was seen. */
export function seenRef(object: unknown, ref: ObjectRef = refOfObject(object as AnyResource)): SeenRef {
  const { metadata, spec, status } = object as AnyResource
  const node = spec?.node
  return {
    ...ref,
    ...(metadata.uid !== undefined && { uid: metadata.uid }),
    ...(typeof node === 'string' && { node }),
    ...(status === undefined && { isWithoutStatus: true }),
  }
}
