/** Objects: their owners, their nodes, their kinds, and the halves of those that belong to a node. Pure. */
import { type AnyResource, GROUP, refText } from '../../resources/object.ts'
import { type Claimant, claimsOf } from '../claims.ts'
import type { Contents, Item, ObjectItem } from './contents.ts'
import type { Finding } from './finding.ts'

/** Kinds that the daemon deletes once their owners have gone. */
const COLLECTED: ReadonlySet<string> = new Set(['Service', 'ScaledJob', 'Job', 'Instance', 'Volume', 'Route'])

export function checkObjects(contents: Contents): readonly Finding[] {
  return [
    ...contents.objects.flatMap((item) => [
      ...danglingOwners(item, contents),
      ...unknownKind(item, contents),
      ...unknownVersion(item, contents),
      ...misplaced(item, contents),
    ]),
    ...[...contents.items.values()].flatMap((item) => [
      ...halfPair(item, contents),
      ...strayPlacement(item, contents),
      ...strayClaim(item, contents),
    ]),
  ]
}

/** An object goes when the last of its owners has gone: one that is there is enough. */
function danglingOwners({ entry, object }: ObjectItem, { uids }: Contents): readonly Finding[] {
  const owners = object.metadata.ownerReferences ?? []
  // what is on its way out may outlive its owner
  if (owners.length === 0 || object.metadata.deletionTimestamp !== undefined) return []
  if (owners.some(({ uid }) => uids.has(uid))) return []
  const names = owners.map((owner) => `${refText(owner)} (${owner.uid})`).join(', ')
  return [
    {
      key: entry.key,
      problem: `its owner ${names} is not there`,
      remedy: COLLECTED.has(object.kind)
        ? 'a running daemon ends it and deletes it'
        : `nobody collects it: ${deletion(object)}`,
    },
  ]
}

function unknownKind({ entry, known, object }: ObjectItem, { kinds }: Contents): readonly Finding[] {
  const { group, plural } = known.address
  if (kinds.has(known.holds === 'object' ? `${group}/${plural}` : plural)) return []
  return [
    {
      key: entry.key,
      problem: `its kind, ${object.kind} of ${object.apiVersion}, is not defined`,
      remedy: `apply the CustomResourceDefinition ${plural}.${group} again; until then nothing can be done with it`,
    },
  ]
}

function unknownVersion({ entry, known, object }: ObjectItem, { versions }: Contents): readonly Finding[] {
  const { group, plural } = known.address
  const defined = versions.get(`${group}/${plural}`)
  const version = object.apiVersion.slice(object.apiVersion.indexOf('/') + 1)
  if (defined === undefined || defined.has(version)) return []
  return [
    {
      key: entry.key,
      problem: `it is stored as ${object.apiVersion}, and its definition has ${[...defined].join(', ')} only`,
      remedy: `put ${version} back into the CustomResourceDefinition ${plural}.${group}, then: nsctl store upgrade`,
    },
  ]
}

/** What belongs to a node: the node is there, and is where its name leads to. */
function misplaced({ entry, known, object }: ObjectItem, { items, nodes }: Contents): readonly Finding[] {
  if (known.holds !== 'spec') return []
  const { node = '' } = known.address
  const findings: Finding[] = []
  if (!nodes.has(node))
    findings.push({
      key: entry.key,
      problem: `its node ${node} is not there`,
      remedy: `start nsctl on ${node}, or, if that machine is gone: ${deletion(object)}`,
    })
  if (object.spec?.node !== node)
    findings.push({
      key: entry.key,
      problem: `it lies under node ${node}, and says that it belongs to ${String(object.spec?.node)}`,
      remedy: 'restore the store from a backup; nsctl writes nothing like that',
    })
  const place = items.get(known.halves.placement)
  if (place === undefined)
    findings.push({
      key: entry.key,
      problem: 'nothing leads to it by its name, so that it can be listed and not be named',
      remedy: 'nsctl store check --repair notes where it is',
      repair: [
        { kind: 'check', key: entry.key, expect: entry.revision },
        { kind: 'put', key: known.halves.placement, value: node, expect: 0 },
      ],
    })
  else if (place.value !== node)
    findings.push({
      key: entry.key,
      problem: `its name leads to node ${String(place.value)}, where another of this name may be`,
      remedy: 'restore the store from a backup; nsctl writes nothing like that',
    })
  return findings
}

/** A spec without a status is what nobody has looked at yet; a status without a spec is nobody's. */
function halfPair({ entry, known }: Item, { items, unreadable }: Contents): readonly Finding[] {
  if (known.holds !== 'status' || items.has(known.halves.spec)) return []
  if (unreadable.some((other) => other.entry.key === known.halves.spec)) return []
  return [
    {
      key: entry.key,
      problem: 'it is the status of an object that is not there',
      remedy: 'nsctl store check --repair removes it',
      repair: [
        { kind: 'check', key: known.halves.spec, expect: 0 },
        { kind: 'delete', key: entry.key, expect: entry.revision },
      ],
    },
  ]
}

function strayPlacement({ entry, known, value }: Item, { items, unreadable }: Contents): readonly Finding[] {
  if (known.holds !== 'placement') return []
  const spec = known.specKeyOn(String(value))
  if (items.has(spec) || unreadable.some((other) => other.entry.key === spec)) return []
  return [
    {
      key: entry.key,
      problem: `it leads to an object on node ${String(value)} that is not there`,
      remedy: 'nsctl store check --repair removes it',
      repair: [
        { kind: 'check', key: spec, expect: 0 },
        { kind: 'delete', key: entry.key, expect: entry.revision },
      ],
    },
  ]
}

/** A claim whose holder is not there, or claims something else, keeps everybody else from it. */
function strayClaim({ entry, known, value }: Item, { items, unreadable }: Contents): readonly Finding[] {
  if (known.holds !== 'claim') return []
  const holder = known.holderKey(String(value))
  if (unreadable.some((other) => other.entry.key === holder)) return []
  const item = items.get(holder)
  const object = item?.value as AnyResource | undefined
  if (object !== undefined && claimsOf(claimantOf(object), object).some(({ key }) => key === entry.key))
    return []
  return [
    {
      key: entry.key,
      problem: `it keeps a place for ${holder.split('/').slice(2).join('/')}, which does not claim it`,
      remedy: 'nsctl store check --repair removes it',
      repair: [
        { kind: 'check', key: holder, expect: item?.entry.revision ?? 0 },
        { kind: 'delete', key: entry.key, expect: entry.revision },
      ],
    },
  ]
}

function claimantOf({ kind, metadata }: AnyResource): Claimant {
  return { kind: { kind, group: GROUP }, namespace: metadata.namespace, name: metadata.name }
}

function deletion({ kind, metadata: { namespace, name } }: AnyResource): string {
  const purge = kind === 'Volume' ? ' --purge' : ''
  return `nsctl delete ${kind.toLowerCase()} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}${purge}`
}
