/**
 * Which nodes count as lost. Pure. After Kubernetes' node lifecycle controller: where most nodes fall silent at once it is more likely the
 * control plane that hears nothing, and then nothing is replaced; of many that vanish at once a part is replaced at a time; a node that
 * comes and goes has to stay for a while before it counts again.
 */

export interface NodeView {
  readonly name: string
  /** For how long nothing has been heard of it. */
  readonly silentMs: number
  /** For how long it has been heard of; undefined where it has not been, since it was silent or somebody looks. */
  readonly heardMs: number | undefined
  /** It is heard of as a rule. Not so one that people have only written down, or whose agent has said that it stops. */
  readonly isExpected: boolean
  /** What was judged before, by this process or another. */
  readonly before: 'lost' | 'silent' | 'settling' | undefined
  /** How often it was lost lately, the present time included. */
  readonly losses: number
}

export interface JudgeInput {
  readonly graceMs: number
  readonly nodes: readonly NodeView[]
  /** So many may be declared lost now. */
  readonly allowance: number
}

export type Verdict =
  | { readonly kind: 'ready' }
  | { readonly kind: 'lost' }
  /** Silent, and nothing is replaced. */
  | { readonly kind: 'silent'; readonly why: string }
  | { readonly kind: 'settling'; readonly leftMs: number }

/** More than this part of the nodes that fall silent together is taken for a fault of the control plane's own. */
const FAULT_PART = 0.55
/**
 * Silent for so long, a node has missed a renewal, and may be about to be lost: those that are cut off together do not reach the grace
 * period at the same moment. Renewals come every 4 s.
 */
const OVERDUE_MS = 5_500
const READY: Verdict = { kind: 'ready' }
const LOST: Verdict = { kind: 'lost' }
const UNCHANGED = {
  silent: { kind: 'silent', why: 'nothing has been heard of it yet' },
  settling: { kind: 'settling', leftMs: 0 },
} as const satisfies Readonly<Record<string, Verdict>>
const FIRST_HOLD_MS = 15_000
const LONGEST_HOLD_MS = 300_000

/** By name. */
export function judge({ graceMs, nodes, allowance }: JudgeInput): ReadonlyMap<string, Verdict> {
  const silent = nodes.filter((one) => one.silentMs >= graceMs)
  const missed = overdue(nodes, graceMs)
  const verdicts = new Map<string, Verdict>()
  let left = allowance
  for (const one of silent.toSorted(byUrgency)) {
    if (one.before === 'lost') verdicts.set(one.name, LOST)
    else if (missed !== undefined && one.isExpected) verdicts.set(one.name, { kind: 'silent', why: missed })
    else if (left > 0) {
      left--
      verdicts.set(one.name, LOST)
    } else
      verdicts.set(one.name, {
        kind: 'silent',
        why: 'others were lost at the same time: it is replaced after them',
      })
  }
  for (const one of nodes) if (!verdicts.has(one.name)) verdicts.set(one.name, heard(one))
  return verdicts
}

/** Whose silence is news first, then the longest silent: who came first is replaced first. */
function byUrgency(a: NodeView, b: NodeView): number {
  return Number(b.isExpected) - Number(a.isExpected) || b.silentMs - a.silentMs || (a.name < b.name ? -1 : 1)
}

/** What is said where too many fall silent together; undefined where they do not. Who was lost before has no part in it. */
function overdue(nodes: readonly NodeView[], graceMs: number): string | undefined {
  const overdueMs = Math.min(graceMs, Math.max(graceMs / 2, OVERDUE_MS))
  const pool = nodes.filter((one) => one.isExpected && one.before !== 'lost')
  const late = pool.filter((one) => one.silentMs >= overdueMs).length
  if (late < 2 || late <= pool.length * FAULT_PART) return undefined
  return `${late} of ${pool.length} nodes fell silent together: nothing is replaced, as long as it may be the control plane that is cut off`
}

function heard({ before, losses, heardMs }: NodeView): Verdict {
  if (before === undefined) return READY
  // whoever looks since a moment has not seen that it lives
  if (heardMs === undefined) return before === 'lost' ? LOST : UNCHANGED[before]
  // nothing of it was replaced
  if (before === 'silent') return READY
  const leftMs = holdMs(losses) - heardMs
  return leftMs <= 0 ? READY : { kind: 'settling', leftMs }
}

/** How long a node has to be heard of before it counts again: not at all after its first loss, then longer and longer. */
export function holdMs(losses: number): number {
  return losses < 2 ? 0 : Math.min(LONGEST_HOLD_MS, FIRST_HOLD_MS * 2 ** Math.min(losses - 2, 20))
}
