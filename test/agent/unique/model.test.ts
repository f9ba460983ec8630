/** In no order of faults do two of one unique ordinal run at once, and each start has a larger token. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { World } from './model.ts'

const RUNS = 200
const NAMES = ['a', 'b', 'c'] as const

const NODE_FAULTS = [
  'agent freezes',
  'agent thaws',
  'machine freezes',
  'machine thaws',
  'cut',
  'heal',
  'killed',
  'no answer',
  'slow',
  'fast',
] as const
const CONTROLLER_FAULTS = ['controller freezes', 'controller thaws', 'controller slow'] as const
type NodeFault = (typeof NODE_FAULTS)[number]

type Fault =
  | { readonly kind: NodeFault; readonly node: string }
  | { readonly kind: (typeof CONTROLLER_FAULTS)[number]; readonly index: number }
  | { readonly kind: 'store away' | 'store back' }

const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({
    kind: fc.constantFrom(...NODE_FAULTS),
    node: fc.constantFrom(...NAMES),
  }),
  fc.record({
    kind: fc.constantFrom(...CONTROLLER_FAULTS),
    index: fc.constantFrom(0, 1),
  }),
  fc.record({ kind: fc.constantFrom('store away', 'store back') }),
)
const history = fc.array(fc.tuple(fault, fc.integer({ min: 1, max: 100 })), { minLength: 3, maxLength: 14 })

function happen(world: World, what: Fault): void {
  if ('index' in what) {
    const line = world.controllers[what.index]
    if (line === undefined) return
    if (what.kind === 'controller freezes') line.freeze()
    else if (what.kind === 'controller thaws') line.thaw()
    line.slowMs = what.kind === 'controller slow' ? 400 : 0
  } else if (!('node' in what)) {
    const lines = [...[...world.agents.values()].map(({ line }) => line), ...world.controllers]
    for (const line of lines) line.isCut = what.kind === 'store away'
  } else befall(world, what.node, what.kind)
}

function befall(world: World, node: string, kind: NodeFault): void {
  const line = world.agents.get(node)?.line
  const machine = world.watches.get(node)?.machine
  if (line === undefined || machine === undefined) return
  if (kind === 'agent freezes' || kind === 'machine freezes') line.freeze()
  if (kind === 'machine freezes') machine.freeze()
  // PID 1 looks at the time first
  if (kind === 'machine thaws') machine.thaw()
  if (kind === 'machine thaws' || (kind === 'agent thaws' && !machine.isFrozen)) line.thaw()
  if (kind === 'cut') line.isCut = true
  if (kind === 'heal') line.isCut = false
  if (kind === 'no answer') line.unanswered = 2
  if (kind === 'slow') line.slowMs = 700
  if (kind === 'fast') line.slowMs = 0
  if (kind === 'killed' && !machine.isFrozen) world.startAgent(node)
}

async function live(world: World, faults: readonly (readonly [Fault, number])[]): Promise<void> {
  await world.pass(6_000)
  for (const [what, quarters] of faults) {
    happen(world, what)
    await world.pass(quarters * 250)
  }
  for (const node of NAMES) {
    happen(world, { kind: 'machine thaws', node })
    happen(world, { kind: 'heal', node })
    happen(world, { kind: 'fast', node })
  }
  happen(world, { kind: 'store back' })
  for (const index of [0, 1]) happen(world, { kind: 'controller thaws', index })
  await world.pass(60_000)
}

const chooser = (seed: number) => {
  let state = seed
  return (count: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state % Math.max(1, count)
  }
}

test('whatever fails in whichever order, one runs at a time, and in the end one runs', async () => {
  let lives = 0
  await fc.assert(
    fc.asyncProperty(history, fc.nat(), async (faults, seed) => {
      const world = new World(NAMES, chooser(seed))
      await live(world, faults)
      assert.equal(world.doubled, [])
      for (const [index, token] of world.tokens.entries())
        assert.ok(index === 0 || token > (world.tokens[index - 1] ?? 0), world.tokens.join(' '))
      assert.is([...world.watches.values()].filter(({ isAlive }) => isAlive).length, 1)
      lives += world.lives
    }),
    { numRuns: RUNS },
  )
  console.log(`${RUNS} histories, ${lives} lives, doubled 0`)
})

/** Whatever moment of its replacement a node comes back at: what it knew before does not count, nor what a slow controller is about to do. */
for (const [name, slow] of [
  ['', false],
  [', the controllers being slow', true],
] as const)
  test(`a node that is heard of again at any moment of its replacement${name}`, async () => {
    for (let offset = 0; offset < 80; offset++) {
      const world = new World(NAMES, chooser(offset))
      await world.pass(6_000)
      const node = [...world.watches].find(([, { isAlive }]) => isAlive)?.[0] ?? 'a'
      if (slow) happen(world, { kind: 'controller slow', index: 0 })
      if (slow) happen(world, { kind: 'controller freezes', index: 1 })
      happen(world, { kind: 'cut', node })
      await world.pass(12_000 + offset * 250)
      happen(world, { kind: 'heal', node })
      await world.pass(15_000)
      assert.equal(world.doubled, [], `${offset}`)
    }
  })

test('the model finds who does not keep to the lease', async () => {
  const world = new World(NAMES, chooser(1), true)
  await world.pass(6_000)
  const node = [...world.watches].find(([, { isAlive }]) => isAlive)?.[0] ?? 'a'
  happen(world, { kind: 'cut', node })
  await world.pass(30_000)
  assert.ok(world.doubled.length > 0)
})

test.run()
