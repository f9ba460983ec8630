/** Any key of a store, taken apart: for what looks at all of them. */
import { GROUP } from '../resources/object.ts'
import { isCopied } from '../store/snapshot.ts'
import {
  CLUSTER,
  NODE_PREFIX,
  type ObjectAddress,
  parseObjectKey,
  REVISION_DIGITS,
  SPEC_STEP,
} from './keys.ts'

/** What lies under a key, and the keys that it does not make sense without. */
export type KnownKey =
  | { readonly holds: 'object'; readonly address: ObjectAddress }
  | { readonly holds: 'spec'; readonly address: ObjectAddress; readonly halves: NodeKeys }
  | { readonly holds: 'status'; readonly address: ObjectAddress; readonly halves: Pick<NodeKeys, 'spec'> }
  | { readonly holds: 'applied'; readonly objectKey: string }
  /** `recordKey`: of the revision that the spec was kept for, or the key itself. */
  | { readonly holds: 'revision' | 'revision spec'; readonly objectKey: string; readonly recordKey: string }
  /** `specKeyOn`: where the object lies on the node that the entry names. */
  | { readonly holds: 'placement'; readonly specKeyOn: (node: string) => string }
  /** `holderKey`: of the object that the entry names. */
  | { readonly holds: 'claim'; readonly holderKey: (holder: string) => string }
  | { readonly holds: 'audit' /** ISO time. */; readonly at: string }
  /** A lease, the note of an import, or history. */
  | { readonly holds: 'store' }

/** Where an object that belongs to a node has its parts. */
export interface NodeKeys {
  readonly spec: string
  readonly status: string
  readonly placement: string
}

const REVISION = new RegExp(`^\\d{${REVISION_DIGITS},}$`)
const AUDIT = /^audit\/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)-.+$/

/** Undefined for a key that is none of nsctl's. */
export function parseKey(key: string): KnownKey | undefined {
  if (!isCopied(key)) return { holds: 'store' }
  const steps = key.split('/')
  if (steps.includes('')) return undefined
  const [first, ...rest] = steps
  const tail = rest.slice(0, 4).join('/')
  switch (first) {
    case 'obj':
    case 'objstatus':
    case 'event':
    case NODE_PREFIX.slice(0, -1):
      return parseHolder(key)
    case 'applied':
      return rest.length === 4 ? { holds: 'applied', objectKey: `obj/${tail}` } : undefined
    case 'rev':
      return parseRevisionKey(rest, `obj/${tail}`)
    case 'at': {
      const path = rest.join('/')
      return rest.length === 3
        ? { holds: 'placement', specKeyOn: (node) => `${NODE_PREFIX}${node}/${path}` }
        : undefined
    }
    case 'claim': {
      const [what, namespace] = rest
      if (what === 'scale' && rest.length === 3)
        return { holds: 'claim', holderKey: (name) => `obj/${GROUP}/scaledobjects/${namespace}/${name}` }
      if (what === 'ordinal' && rest.length === 4)
        return {
          holds: 'claim',
          holderKey: (holder) => {
            const [node = '', name = ''] = holder.split('/')
            return `${NODE_PREFIX}${node}/instances/${namespace}/${name}`
          },
        }
      return what === 'expose' && rest.length === 4
        ? { holds: 'claim', holderKey: (name) => `obj/${GROUP}/services/${name}` }
        : undefined
    }
    case 'audit': {
      const at = AUDIT.exec(key)?.[1]
      return at === undefined ? undefined : { holds: 'audit', at }
    }
  }
  return undefined
}

function parseHolder(key: string): KnownKey | undefined {
  const address = parseObjectKey(key)
  if (address === undefined || address.part === 'object') return address && { holds: 'object', address }
  const { node, plural, namespace = CLUSTER, name } = address
  if (address.part === 'status' && node === undefined)
    return { holds: 'status', address, halves: { spec: key.replace(/^objstatus/, 'obj') } }
  const path = `${plural}/${namespace}/${name}`
  const halves = {
    spec: `${NODE_PREFIX}${node}/${path}`,
    status: `${NODE_PREFIX}${node}/status/${path}`,
    placement: `at/${path}`,
  }
  return { holds: address.part, address, halves }
}

function parseRevisionKey(rest: readonly string[], objectKey: string): KnownKey | undefined {
  const isSpec = rest.length === 6 && rest[5] === SPEC_STEP.slice(1)
  if (rest.length !== 5 && !isSpec) return undefined
  if (!REVISION.test(rest[4] ?? '')) return undefined
  const recordKey = `rev/${rest.slice(0, 5).join('/')}`
  return { holds: isSpec ? 'revision spec' : 'revision', objectKey, recordKey }
}
