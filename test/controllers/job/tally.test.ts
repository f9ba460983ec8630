/** Each run that has ended is counted once, whoever deletes it and whenever the controller is killed. */
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { RunView } from '../../../src/controllers/job/plan.ts'
import { tallyRuns, type WrittenTally } from '../../../src/controllers/job/tally.ts'

const test = suite('tallyRuns')

function run(uid: string, state: RunView['state'], more: Partial<RunView> = {}): RunView {
  return { name: uid, uid, ordinal: 0, held: true, state, deleting: false, stopped: false, ...more }
}

const names = (runs: readonly RunView[]) => runs.map(({ name }) => name)

test('what has ended is counted and noted, and then let go', () => {
  const runs = [run('a', 'failed'), run('b', 'succeeded'), run('c', 'active')]
  const { succeeded, failed, written, release } = tallyRuns(undefined, runs)
  assert.equal([succeeded, failed], [1, 1])
  assert.equal(written, { succeeded: 1, failed: 1, counted: ['a', 'b'] })
  assert.equal(names(release), ['a', 'b'])
})

test('what is noted is not counted again, and let go again', () => {
  const { written, release } = tallyRuns({ failed: 1, counted: ['a'] }, [run('a', 'failed')])
  assert.equal(written, { succeeded: 0, failed: 1, counted: ['a'] })
  assert.equal(names(release), ['a'])
})

test('what has been let go or is gone is noted no longer', () => {
  const runs = [run('a', 'failed', { held: false })]
  assert.equal(tallyRuns({ failed: 2, counted: ['a', 'gone'] }, runs).written, { succeeded: 0, failed: 2 })
})

test('what was ended before it came to its end is let go uncounted, once it has ended', () => {
  const ending = run('a', 'active', { deleting: true })
  assert.equal(tallyRuns(undefined, [ending]).release, [])
  const { written, release } = tallyRuns(undefined, [{ ...ending, stopped: true }])
  assert.equal(written, { succeeded: 0, failed: 0 })
  assert.equal(names(release), ['a'])
})

test('no more than 500 are noted at once, and all are known of', () => {
  const runs = Array.from({ length: 1_200 }, (_, index) => run(`r${index}`, 'failed'))
  const first = tallyRuns(undefined, runs)
  assert.equal([first.failed, first.written.failed, first.written.counted?.length], [1_200, 500, 500])
  const left = runs.map((one) => ({ ...one, held: !first.release.includes(one) }))
  const second = tallyRuns(first.written, left)
  assert.equal([second.failed, second.written.failed], [1_200, 1_000])
})

/** A store, a controller that may see it late and die between any two of its writes, and a person who deletes. */
class Model {
  written: WrittenTally = { succeeded: 0, failed: 0 }
  runs: readonly RunView[] = []
  ended = { succeeded: 0, failed: 0 }
  /** What a watch has told so far. */
  seen: { readonly written: WrittenTally; readonly runs: readonly RunView[] }[] = [this.#now()]
  #at = 0
  #made = 0

  #now() {
    return { written: this.written, runs: this.runs }
  }

  #changed(): void {
    this.runs = this.runs.filter(({ held, deleting }) => held || !deleting)
    this.seen.push(this.#now())
  }

  make(): void {
    this.runs = [...this.runs, run(`r${this.#made++}`, 'active')]
    this.#changed()
  }

  end(pick: number, state: 'succeeded' | 'failed'): void {
    const active = this.runs.filter((one) => one.state === 'active' && !one.deleting)
    const ending = active[pick % Math.max(1, active.length)]
    if (ending === undefined) return
    this.ended[state]++
    this.runs = this.runs.map((one) => (one === ending ? { ...one, state } : one))
    this.#changed()
  }

  delete(pick: number): void {
    const deleted = this.runs[pick % Math.max(1, this.runs.length)]
    this.runs = this.runs.map((one) => (one === deleted ? { ...one, deleting: true, stopped: true } : one))
    this.#changed()
  }

  /** @param writes so many before it is killed */
  reconcile(hears: number, writes: number): void {
    this.#at = Math.min(this.seen.length - 1, this.#at + hears)
    const { written, runs } = this.seen[this.#at]!
    const tally = tallyRuns(written, runs)
    if (writes === 0) return
    this.written = tally.written
    this.#changed()
    for (const { uid } of tally.release.slice(0, writes - 1)) {
      this.runs = this.runs.map((one) => (one.uid === uid ? { ...one, held: false } : one))
      this.#changed()
    }
  }
}

test('whoever kills the controller at any point loses or doubles no count', () => {
  const step = fc.oneof(
    fc.constant(['make'] as const),
    fc.tuple(
      fc.constant('end' as const),
      fc.nat(9),
      fc.constantFrom('succeeded' as const, 'failed' as const),
    ),
    fc.tuple(fc.constant('delete' as const), fc.nat(9)),
    fc.tuple(fc.constant('reconcile' as const), fc.nat(6), fc.nat(4)),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const model = new Model()
      for (const one of steps) {
        if (one[0] === 'make') model.make()
        else if (one[0] === 'end') model.end(one[1], one[2])
        else if (one[0] === 'delete') model.delete(one[1])
        else model.reconcile(one[1], one[2])
      }
      for (let last = 0; last < 3; last++) model.reconcile(Number.MAX_SAFE_INTEGER, 1_000)
      assert.equal(model.written, model.ended)
      assert.ok(model.runs.every(({ held, state }) => !held || state === 'active'))
    }),
    { numRuns: 2_000 },
  )
})

test.run()
