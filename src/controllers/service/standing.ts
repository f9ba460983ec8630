/** What an instance's node means for it. Pure. */
import { formatCount } from '../../core/words.ts'
import { isTolerated } from '../../placement/taints.ts'
import type { Instance, Node, Service } from '../../resources/generated/types.ts'
import { isJudgedSilent, isLost, staysOnDrain } from '../../resources/node.ts'

export interface Standing {
  /** Its node is lost: it counts as gone, and is left where it is until its node is back. */
  readonly lost: boolean
  /** Its node is lost, and it can run nowhere else. */
  readonly stranded: boolean
  /** What it says of itself may be from long ago. */
  readonly silent: boolean
  /** It is to be replaced elsewhere. */
  readonly leaving: boolean
  /** …whatever that costs. */
  readonly forced: boolean
}

/** @param node undefined where it was deleted */
export function standingOf(instance: Instance, node: Node | undefined, service: Service): Standing {
  const gone = node === undefined || isLost(node)
  // of what is unique nothing is there any more once it counts as gone: the Node controller has taken it out of the store
  const pinned =
    (instance.spec.storage ?? []).length > 0 || instance.spec.unique === true || service.spec.unique === true
  const drains = node?.spec?.drain !== undefined && !staysOnDrain(service, node.spec.drain.force === true)
  return {
    lost: gone && !pinned,
    stranded: gone && pinned,
    silent: gone || isJudgedSilent(node.status),
    leaving: !gone && (drains || isDriven(node, service)),
    forced: drains && node?.spec?.drain?.force === true,
  }
}

/** A taint drives it away that it does not tolerate. */
function isDriven({ spec }: Node, service: Service): boolean {
  const tolerations = service.spec.placement?.tolerations
  return (spec?.taints ?? []).some(
    (taint) => taint.effect === 'NoExecute' && !isTolerated(taint, tolerations),
  )
}

/** What of a Node a change of concerns those on it. */
export function standingPart({ spec, status }: Node): unknown {
  return [
    isJudgedSilent(status) ? status?.conditions?.find(({ type }) => type === 'Ready')?.reason : undefined,
    spec?.drain,
    (spec?.taints ?? []).filter(({ effect }) => effect === 'NoExecute'),
  ]
}

/** What waits for a node because its data is there, or because it may still run there; undefined where nothing does. */
export function strandedText({
  live,
  standing,
}: {
  readonly live: readonly Instance[]
  readonly standing: (instance: Instance) => Standing
}): string | undefined {
  const stranded = live.filter((one) => standing(one).stranded)
  const [first, ...others] = stranded.toSorted((a, b) => a.spec.ordinal - b.spec.ordinal)
  if (first === undefined) return undefined
  const { service, ordinal, node, storage = [] } = first.spec
  const more = others.length === 0 ? '' : ` (and ${formatCount(others.length, 'other')} likewise)`
  const why = storage.length > 0 ? 'is lost and has its data' : 'is lost, and on which it may still run'
  return `${service}-${ordinal} waits for node/${node}, which ${why}${more}`
}

/** Which of what is lost has just been replaced, a sentence each: by what was made of its template under its ordinal. */
export function replacedTexts(
  lost: readonly Instance[],
  made: readonly { readonly hash: string; readonly ordinal: number; readonly node: string }[],
): readonly string[] {
  return made.flatMap(({ hash, ordinal, node }) => {
    const one = lost.find(({ spec }) => spec.templateHash === hash && spec.ordinal === ordinal)
    if (one === undefined) return []
    return [`${one.metadata.name} was on node/${one.spec.node}, which is lost: replaced on node/${node}`]
  })
}
