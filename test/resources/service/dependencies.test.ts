import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  cycleText,
  dependenciesOf,
  findCycle,
  serviceName,
  shortName,
} from '../../../src/resources/service/dependencies.ts'

test('names are those of the same namespace, unless they say another', () => {
  const dependsOn = [{ service: 'db' }, { service: 'ops/log' }]
  assert.equal(dependenciesOf({ metadata: { name: 'web', namespace: 'shop' }, spec: { dependsOn } }), [
    'shop/db',
    'ops/log',
  ])
  assert.is(serviceName('db', undefined), 'default/db')
  assert.equal([shortName('shop/db', 'shop'), shortName('ops/log', 'shop')], ['db', 'ops/log'])
  assert.is(cycleText(['shop/web', 'ops/log', 'shop/db', 'shop/web']), 'web → ops/log → db → web')
})

/** By going every way there is. */
function reachesItself(edges: readonly (readonly number[])[], start: number): boolean {
  const reached = new Set<number>(edges[start])
  for (let size = -1; size !== reached.size; ) {
    size = reached.size
    for (const one of [...reached]) for (const next of edges[one] ?? []) reached.add(next)
  }
  return reached.has(start)
}

test('findCycle finds a way back where there is one, along edges that there are, and none otherwise', () => {
  const graph = fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 8, maxLength: 8 })
  fc.assert(
    fc.property(graph, fc.nat(7), (edges, start) => {
      const cycle = findCycle(String(start), (name) => (edges[Number(name)] ?? []).map(String))
      assert.is(cycle !== undefined, reachesItself(edges, start))
      if (cycle === undefined) return
      assert.equal([cycle[0], cycle.at(-1)], [String(start), String(start)])
      for (const [at, name] of cycle.slice(0, -1).entries())
        assert.ok(edges[Number(name)]?.includes(Number(cycle[at + 1])), cycle.join(' '))
    }),
    { numRuns: 500 },
  )
})

test.run()
