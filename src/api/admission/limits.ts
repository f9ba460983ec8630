/** Limits of one object, the same over every store. */
import { formatBytes } from '../../core/quantity.ts'
import { refText } from '../../resources/object.ts'
import type { Manifest } from '../api.ts'
import type { Target } from '../keys.ts'
import { type Fault, fault } from './faults.ts'

/**
 * The largest object whose whole commit fits in every store: three texts of this size (the object, its last manifest, the spec that is
 * left behind) and the records beside them, in base64, are one transaction of Consul's.
 */
export const MAX_OBJECT_BYTES = 124 * 1024

const NONE: readonly Fault[] = []

/** `text` is the object as the store is to hold it. */
export function sizeFaults(manifest: Manifest, target: Target, text: string): readonly Fault[] {
  // a UTF-16 unit is at most three bytes of UTF-8: most need no counting
  if (text.length * 3 <= MAX_OBJECT_BYTES) return NONE
  const sizeBytes = Buffer.byteLength(text)
  if (sizeBytes <= MAX_OBJECT_BYTES) return NONE
  const name = refText({ kind: target.kind.kind, name: target.name })
  const limit = `${formatBytes(MAX_OBJECT_BYTES)}B`
  return [
    fault(
      manifest,
      'TooLarge',
      `${name} has ${sizeBytes} bytes, more than the ${limit} that an object may have`,
      {
        value: sizeBytes,
        next: 'Keep large data in files that the program reads, and name them in the manifest',
      },
    ),
  ]
}
