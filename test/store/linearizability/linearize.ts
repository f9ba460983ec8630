/**
 * Is there an order of these operations, each at one moment between its begin and its end, that the model allows?
 *
 * J. M. Wing and C. Gong, "Testing and Verifying Concurrent Objects" (1993): search, taking any operation that nothing still
 * to come has preceded. G. Lowe, "Testing for Linearizability" (2017): remember which operations were taken and the state
 * they left, and never go on twice from the same. Linearizability is local (Herlihy and Wing, 1990), so one key at a time.
 */

export interface Interval {
  readonly beginMs: number
  /** Infinity: it may have happened at any time after its begin, or never. */
  readonly endMs: number
}

export interface Model<State, Operation> {
  readonly initial: State
  /** The state after it; undefined where it could not have gone like this. */
  step(state: State, operation: Operation): State | undefined
  /** Equal for equal states, and for no others. */
  keyOf(state: State): string
}

/** `undecided`: the search was given up after `maxSteps`. */
export type Verdict = 'linearizable' | 'impossible' | 'undecided'

/** In the list of what is still to be placed: where an operation begins, or ends. */
interface Node {
  readonly index: number
  readonly end: Node | undefined
  readonly isBegin: boolean
  before: Node | undefined
  after: Node | undefined
}

const MAX_STEPS = 400_000

export function linearize<State, Operation extends Interval>(
  model: Model<State, Operation>,
  operations: readonly Operation[],
  maxSteps: number = MAX_STEPS,
): Verdict {
  const head = listOf(operations)
  const taken = new Uint32Array(Math.ceil(operations.length / 32))
  const seen = new Seen()
  const path: { readonly node: Node; readonly state: State }[] = []
  let state = model.initial
  let node = head.after
  for (let steps = 0; node !== undefined; steps++) {
    if (steps > maxSteps) return 'undecided'
    if (!node.isBegin) {
      // it has ended and found no place: what was taken last was taken too early
      const last = path.pop()
      if (last === undefined) return 'impossible'
      state = last.state
      toggle(taken, last.node.index)
      putBack(last.node)
      node = last.node.after
      continue
    }
    const next = model.step(state, operations[node.index]!)
    if (next === undefined) {
      node = node.after
      continue
    }
    toggle(taken, node.index)
    if (seen.add(taken, model.keyOf(next))) {
      path.push({ node, state })
      state = next
      takeOut(node)
      node = head.after
    } else {
      toggle(taken, node.index)
      node = node.after
    }
  }
  // nothing is left but what may never have happened
  return 'linearizable'
}

/** A begin before an end at the same moment: what touches may have overlapped. */
function listOf(operations: readonly Interval[]): Node {
  const points: { readonly atMs: number; readonly node: Node }[] = []
  for (const [index, { beginMs, endMs }] of operations.entries()) {
    const end: Node | undefined =
      endMs === Number.POSITIVE_INFINITY
        ? undefined
        : { index, end: undefined, isBegin: false, before: undefined, after: undefined }
    const begin: Node = { index, end, isBegin: true, before: undefined, after: undefined }
    points.push({ atMs: beginMs, node: begin })
    if (end !== undefined) points.push({ atMs: endMs, node: end })
  }
  points.sort((a, b) => a.atMs - b.atMs || Number(b.node.isBegin) - Number(a.node.isBegin))
  const head: Node = { index: -1, end: undefined, isBegin: false, before: undefined, after: undefined }
  let last = head
  for (const { node } of points) {
    last.after = node
    node.before = last
    last = node
  }
  return head
}

function takeOut(begin: Node): void {
  for (const node of [begin, begin.end]) {
    if (node === undefined) continue
    node.before!.after = node.after
    if (node.after !== undefined) node.after.before = node.before
  }
}

/** The reverse of `takeOut`, in the reverse order: each still knows its neighbours. */
function putBack(begin: Node): void {
  for (const node of [begin.end, begin]) {
    if (node === undefined) continue
    node.before!.after = node
    if (node.after !== undefined) node.after.before = node
  }
}

function toggle(bits: Uint32Array, index: number): void {
  bits[index >>> 5]! ^= 1 << (index & 31)
}

/** Which operations had been taken, with the state they left. */
class Seen {
  readonly #known = new Map<string, Uint32Array[]>()

  /** False where it is there already. */
  add(bits: Uint32Array, state: string): boolean {
    const key = `${hash(bits)} ${state}`
    const same = this.#known.get(key)
    if (same?.some((other) => other.every((word, i) => word === bits[i]))) return false
    if (same === undefined) this.#known.set(key, [bits.slice()])
    else same.push(bits.slice())
    return true
  }
}

/** FNV-1a over words. */
function hash(bits: Uint32Array): number {
  let sum = 0x811c9dc5
  for (const word of bits) sum = Math.imul(sum ^ word, 0x01000193)
  return sum >>> 0
}
