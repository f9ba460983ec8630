/** Histories made by a store that is right by construction, for the properties: what happened, at which moment, is known. */
import fc from 'fast-check'
import type { Call, Outcome, Recorded } from './operations.ts'

/** One operation as it is to be: at `atMs`, begun and ended around that. */
export interface Intent {
  readonly what: 'read' | 'write' | 'compareAndSet' | 'add' | 'list'
  readonly atMs: number
  readonly beforeMs: number
  readonly afterMs: number
  /** Its answer is lost: `never` where it was as well. */
  readonly fate: 'told' | 'untold' | 'never'
  /** A compare-and-set expects what is there, or something older. */
  readonly late: boolean
}

export function intents(
  kinds: readonly Intent['what'][],
  maxLength: number,
): fc.Arbitrary<readonly Intent[]> {
  return fc.array(
    fc.record({
      what: fc.constantFrom(...kinds),
      atMs: fc.nat(1_000),
      beforeMs: fc.nat(80),
      afterMs: fc.nat(80),
      fate: fc.constantFrom<Intent['fate']>('told', 'told', 'told', 'told', 'untold', 'never'),
      late: fc.boolean(),
    }),
    { minLength: 2, maxLength },
  )
}

interface World {
  revision: number
  register: { readonly value: string | undefined; readonly revision: number }
  readonly elements: Record<string, number>
}

/** The history of a register `r` and a set `set/0/` that did all this, one after the other, at the moments intended. */
export function historyOf(plan: readonly Intent[]): readonly Recorded[] {
  const world: World = { revision: 1, register: { value: undefined, revision: 0 }, elements: {} }
  return [...plan]
    .sort((a, b) => a.atMs - b.atMs)
    .map((intent, i) => {
      const [call, outcome] = perform(world, intent, i)
      const isTold = intent.fate === 'told'
      return {
        process: `p${i}`,
        call,
        beginMs: intent.atMs - intent.beforeMs,
        endMs: isTold ? intent.atMs + intent.afterMs : Number.POSITIVE_INFINITY,
        outcome: isTold ? outcome : { kind: 'unknown' },
      }
    })
}

function perform(world: World, { what, fate, late }: Intent, i: number): readonly [Call, Outcome] {
  const { value, revision } = world.register
  const happens = fate !== 'never'
  switch (what) {
    case 'read':
      return [
        { kind: 'read', key: 'r' },
        { kind: 'ok', revision, ...(value !== undefined && { value }) },
      ]
    case 'list':
      return [
        { kind: 'list', prefix: 'set/0/' },
        { kind: 'listed', revision: world.revision, elements: { ...world.elements } },
      ]
    case 'add': {
      const key = `set/0/${i}`
      if (happens) world.elements[key] = ++world.revision
      return [
        { kind: 'write', key, value: `v${i}`, expect: 0 },
        { kind: 'ok', revision: world.revision },
      ]
    }
    default: {
      const expect = what === 'write' ? undefined : late ? Math.max(0, revision - 1) : revision
      const call: Call = { kind: 'write', key: 'r', value: `v${i}`, ...(expect !== undefined && { expect }) }
      if (expect !== undefined && expect !== revision) return [call, { kind: 'refused', actual: revision }]
      if (happens) world.register = { value: `v${i}`, revision: ++world.revision }
      return [call, { kind: 'ok', revision: world.revision }]
    }
  }
}
