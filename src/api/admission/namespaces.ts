/** Whether the namespace of what is new takes it. */
import { isObject } from '../../core/json.ts'
import { DEFAULT_NAMESPACE } from '../../resources/object.ts'
import type { Entry } from '../../store/store.ts'
import { decodeObject } from '../codec.ts'
import { type Fault, fault } from './faults.ts'
import type { Candidate } from './identify.ts'

export interface KnownNamespaces {
  /** The stored namespace, if it is there. */
  readonly entry: (namespace: string) => Entry | undefined
  /** Made by the same set of documents. */
  readonly made: ReadonlySet<string>
}

/** Faults of a new object's namespace: missing, or on its way out. `default` is made where it is missing. */
export function namespaceFaults(candidate: Candidate, known: KnownNamespaces): readonly Fault[] {
  const { target, manifest } = candidate
  const { namespace } = target
  if (namespace === undefined) return []
  const path = ['metadata', 'namespace']
  const entry = known.entry(namespace)
  if (entry === undefined) {
    if (namespace === DEFAULT_NAMESPACE || known.made.has(namespace)) return []
    return [
      fault(manifest, 'Invalid', `there is no namespace ${JSON.stringify(namespace)}`, {
        path,
        value: namespace,
        next: `Make it first: nsctl create namespace ${namespace}`,
      }),
    ]
  }
  if (!isTerminating(entry)) return []
  return [
    fault(
      manifest,
      'Terminating',
      `namespace ${JSON.stringify(namespace)} is being deleted and takes nothing new`,
      {
        path,
        value: namespace,
        next: `Wait for it: nsctl wait --for=delete namespace/${namespace}`,
      },
    ),
  ]
}

function isTerminating(entry: Entry): boolean {
  // most namespaces are not, and their text need not be parsed to see it
  if (!entry.value.includes('"deletionTimestamp"')) return false
  const { metadata } = decodeObject(entry)
  return isObject(metadata) && metadata.deletionTimestamp !== undefined
}
