import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { holdMs, judge, type NodeView } from '../../../src/controllers/node/judge.ts'

const graceMs = 15_000

function view(name: string, over: Partial<NodeView> = {}): NodeView {
  return { name, silentMs: 0, heardMs: 60_000, isExpected: true, before: undefined, losses: 0, ...over }
}

const silent = (name: string, over: Partial<NodeView> = {}) =>
  view(name, { silentMs: graceMs, heardMs: undefined, ...over })

function kinds(nodes: readonly NodeView[], allowance = 2): Record<string, string> {
  return Object.fromEntries(
    Array.from(judge({ graceMs, nodes, allowance }), ([name, { kind }]) => [name, kind]),
  )
}

for (const [name, nodes, want] of [
  ['nobody is lost who is heard of', [view('a'), view('b')], { a: 'ready', b: 'ready' }],
  [
    'one that is silent for almost as long is not lost',
    [view('a', { silentMs: graceMs - 1 })],
    { a: 'ready' },
  ],
  ['one of three is lost', [silent('a'), view('b'), view('c')], { a: 'lost', b: 'ready', c: 'ready' }],
  ['one of two is lost', [silent('a'), view('b')], { a: 'lost', b: 'ready' }],
  ['the only one is lost', [silent('a')], { a: 'lost' }],
  [
    'most at once are the control plane cut off',
    [silent('a'), silent('b'), view('c')],
    { a: 'silent', b: 'silent', c: 'ready' },
  ],
  [
    'who was lost before stays so, and does not keep the next from being replaced',
    [silent('a', { before: 'lost' }), silent('b'), view('c')],
    { a: 'lost', b: 'lost', c: 'ready' },
  ],
  [
    'who was lost before stays so where most of the others are cut off',
    [silent('a', { before: 'lost' }), silent('b'), silent('c')],
    { a: 'lost', b: 'silent', c: 'silent' },
  ],
  [
    'those that are cut off together do not reach the grace period together',
    [silent('a'), view('b', { silentMs: 12_000 }), view('c', { silentMs: 13_500 })],
    { a: 'silent', b: 'ready', c: 'ready' },
  ],
  [
    'nodes that were only written down, or said that they stop, are no sign of a fault',
    [silent('a'), view('b'), silent('x', { isExpected: false }), silent('y', { isExpected: false })],
    { a: 'lost', b: 'ready', x: 'lost', y: 'silent' },
  ],
  [
    'a silent one is lost once the others are back',
    [silent('a', { before: 'silent' }), view('b', { before: 'silent' }), view('c')],
    { a: 'lost', b: 'ready', c: 'ready' },
  ],
  [
    'the first loss is forgotten at once',
    [view('a', { before: 'lost', heardMs: 0, losses: 1 })],
    { a: 'ready' },
  ],
  [
    'one that comes and goes has to stay for a while',
    [
      view('a', { before: 'lost', heardMs: 14_000, losses: 2 }),
      view('b', { before: 'settling', heardMs: 15_000, losses: 2 }),
    ],
    { a: 'settling', b: 'ready' },
  ],
  [
    'a successor has not heard of it yet',
    [
      view('a', { before: 'lost', heardMs: undefined }),
      view('b', { before: 'silent', heardMs: undefined }),
      view('c'),
    ],
    { a: 'lost', b: 'silent', c: 'ready' },
  ],
] as const)
  test(name, () => assert.equal(kinds(nodes), want))

test('of many at once a part is lost at a time, the longest silent first', () => {
  const others = Array.from({ length: 10 }, (_, n) => view(`ok-${n}`))
  const gone = ['a', 'b', 'c'].map((name, n) => silent(name, { silentMs: graceMs + n }))
  const { a, b, c } = kinds([...gone, ...others])
  assert.equal([a, b, c], ['silent', 'lost', 'lost'])
})

test('how long one has to stay doubles, and has an end', () => {
  assert.equal([0, 1, 2, 3, 4, 9, 1_000].map(holdMs), [0, 0, 15_000, 30_000, 60_000, 300_000, 300_000])
})

const anyView = fc.record({
  silentMs: fc.integer({ min: 0, max: 2 * graceMs }),
  isExpected: fc.constant(true),
  heardMs: fc.option(fc.integer({ min: 0, max: 600_000 }), { nil: undefined }),
  before: fc.constantFrom('lost', 'silent', 'settling', undefined),
  losses: fc.integer({ min: 0, max: 6 }),
})

test('whatever happens: nobody heard of is newly lost, nobody silent is ready, and never more than may be', () => {
  fc.assert(
    fc.property(fc.array(anyView, { maxLength: 30 }), fc.integer({ min: 0, max: 5 }), (views, allowance) => {
      const nodes = views.map((one, n) => ({ name: `n-${n}`, ...one }))
      const verdicts = judge({ graceMs, nodes, allowance })
      const isSilent = (one: NodeView) => one.silentMs >= graceMs
      const newlyLost = nodes.filter(
        (one) => one.before !== 'lost' && verdicts.get(one.name)?.kind === 'lost',
      )
      assert.is(verdicts.size, nodes.length)
      assert.ok(newlyLost.every(isSilent))
      assert.ok(newlyLost.length <= allowance)
      assert.ok(nodes.filter(isSilent).every((one) => verdicts.get(one.name)?.kind !== 'ready'))
      const pool = nodes.filter((one) => one.before !== 'lost')
      const silentOnes = pool.filter(isSilent).length
      if (silentOnes > 1 && silentOnes > pool.length * 0.55) assert.is(newlyLost.length, 0)
    }),
  )
})

test.run()
