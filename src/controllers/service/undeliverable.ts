/** What of a template's Secrets no new instance could be given now, though it is there. What runs is not ended for that. Pure. */
import { deepEqual } from '../../core/json.ts'
import { findCondition } from '../../resources/conditions.ts'
import type { Instance, Node, Secret } from '../../resources/generated/types.ts'
import { type Material, secretVersion } from '../../resources/materials.ts'

export interface UndeliverableInput {
  /** What the wanted template runs with now. */
  readonly materials: readonly Material[]
  readonly hash: string
  /** Instances that are not ending. */
  readonly live: readonly Instance[]
  /** An instance ends before the next starts: what nobody names meanwhile is taken from its node. */
  readonly stopsFirst: boolean
  readonly secretOf: (name: string) => Secret | undefined
  /** Where the next instance is made. */
  readonly node: Node | undefined
}

export interface Obstacle {
  /** For people; undefined where it is about to be known whether there is one. */
  readonly message: string | undefined
}

/**
 * Undefined where nothing is in the way, or nothing runs that could be lost by trying. An instance that runs already has
 * what it names, so only what it does not is looked at, unless it would end first.
 */
export function undeliverable(input: UndeliverableInput): Obstacle | undefined {
  const { materials, hash, live, stopsFirst, secretOf, node } = input
  const isAsWanted = ({ spec }: Instance) =>
    spec.templateHash === hash && deepEqual(spec.materials ?? [], materials)
  if (live.every(isAsWanted)) return undefined
  const given = new Set(live.flatMap(({ spec }) => (spec.materials ?? []).map(textOf)))
  for (const material of materials) {
    if (material.kind !== 'Secret' || (given.has(textOf(material)) && !stopsFirst)) continue
    const found = obstacleOf(secretOf(material.name), node)
    if (found !== undefined) return { message: found.message && `secret/${material.name}: ${found.message}` }
  }
  return undefined
}

function textOf({ kind, name, version }: Material): string {
  return `${kind}/${name} ${version}`
}

function obstacleOf(secret: Secret | undefined, node: Node | undefined): Obstacle | undefined {
  if (secret === undefined) return undefined
  const { status } = secret
  const openable = findCondition(status?.conditions, 'Openable')
  if (openable?.status === 'False') return { message: openable.message ?? openable.reason }
  if (status?.version !== secretVersion(secret)) return { message: undefined }
  if (node === undefined) return undefined
  const { name } = node.metadata
  const [pinned, reported] = [node.spec?.recipient, node.status?.recipient]
  if (pinned !== undefined && pinned === reported) return undefined
  const what =
    reported === undefined
      ? 'says of no key to seal to: once its agent does'
      : 'has another key than the one that is pinned: if that is right'
  return { message: `node/${name} ${what}, nsctl node trust ${name}` }
}
