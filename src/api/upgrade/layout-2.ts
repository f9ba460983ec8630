/**
 * 1.0 → 2.0. An audit record names all objects of its transaction, as one transaction may now change many. And where an object is its
 * last manifest with defaults filled in, its entry notes which those are, in place of a second entry with the manifest.
 */
import { isObject } from '../../core/json.ts'
import type { KindRegistry } from '../../resources/kinds.ts'
import type { Entry, Transaction } from '../../store/store.ts'
import { wantedOf } from '../admission/identify.ts'
import { completed } from '../admission/validate.ts'
import { namingSeveral } from '../audit.ts'
import { encodeObject, storedOf } from '../codec.ts'
import { parseObjectKey } from '../keys.ts'
import { parseKey } from '../parse-key.ts'
import { saysTheSame } from '../record.ts'
import type { LayoutStep } from './step.ts'

export const toLayout2: LayoutStep = {
  from: { major: 1, minor: 0 },
  to: { major: 2, minor: 0 },
  summary: 'audit records name several objects, and objects note which of their fields are defaults',
  plan(entries, kinds) {
    const byKey = new Map(entries.map((entry) => [entry.key, entry]))
    return entries.flatMap((entry): readonly Transaction[] => {
      const known = parseKey(entry.key)
      const transaction =
        known?.holds === 'audit'
          ? severalObjects(entry)
          : known?.holds === 'applied'
            ? noteOfDefaults(entry, byKey.get(known.objectKey), kinds)
            : undefined
      return transaction === undefined ? [] : [transaction]
    })
  },
}

function severalObjects({ key, value, revision: expect }: Entry): Transaction | undefined {
  const record = parse(value)
  const several = record && namingSeveral(record)
  return several && [{ kind: 'put', key, value: JSON.stringify(several), expect }]
}

/** Undefined where the object is more than its manifest, or of a user's kind: then the manifest keeps its own entry. */
function noteOfDefaults(
  applied: Entry,
  entry: Entry | undefined,
  kinds: KindRegistry,
): Transaction | undefined {
  const manifest = parse(applied.value)
  const address = entry && parseObjectKey(entry.key)
  if (manifest === undefined || entry === undefined || address === undefined) return undefined
  const { group, plural, namespace, name } = address
  const kind = kinds.byName(`${plural}.${group}`)
  if (kind === undefined || parse(entry.value) === undefined) return undefined
  const { object, revision, filled: noted } = storedOf(entry)
  const { filled, object: said } = completed({
    manifest: { object: manifest as never, source: applied.key },
    target: { kind, namespace, name },
    wanted: wantedOf(manifest, kind),
  })
  if (noted !== undefined || filled === undefined || !saysTheSame(object, said)) return undefined
  return [
    { kind: 'put', key: entry.key, value: encodeObject(object, filled), expect: revision },
    { kind: 'delete', key: applied.key, expect: applied.revision },
  ]
}

/** Undefined for what no nsctl has written, which stays as it is for the check to name. */
function parse(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
