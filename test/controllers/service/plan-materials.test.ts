import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type MaterialView, planMaterials } from '../../../src/controllers/service/plan-materials.ts'

/** `0` told and settled, `0?` told and not settled, `0-` settled and behind, `0-?` behind and not settled. */
function parse(text: string): MaterialView {
  const match = /^(\d+)(-?)(\??)$/.exec(text)
  assert.ok(match, text)
  return { name: text, ordinal: Number(match[1]), told: match[2] === '', settled: match[3] === '' }
}

for (const c of [
  { name: 'nothing where all have the newest', running: ['0', '1'], want: [] },
  { name: 'the highest first', running: ['0-', '1-', '2-'], want: ['2-'] },
  { name: 'the next once that is settled', running: ['0-', '1-', '2'], want: ['1-'] },
  { name: 'none while that is not', running: ['0-', '1-', '2?'], want: [] },
  { name: 'those that serve nobody at once', running: ['0-', '1-?', '2-?'], want: ['1-?', '2-?'] },
  { name: 'and nobody else beside them', running: ['0-', '1-?'], want: ['1-?'] },
])
  test(`planMaterials: ${c.name}`, () => assert.equal(planMaterials(c.running.map(parse)), c.want))

const views = fc
  .array(fc.record({ told: fc.boolean(), settled: fc.boolean() }), { maxLength: 8 })
  .map((all) => all.map((one, ordinal): MaterialView => ({ name: `web-${ordinal}`, ordinal, ...one })))

test('property: at no time more than one that was settled is disturbed, and all come to the newest', () => {
  fc.assert(
    fc.property(views, fc.infiniteStream(fc.boolean()), (start, heals) => {
      let now = start
      const wasSettled = new Set(start.filter(({ settled }) => settled).map(({ name }) => name))
      const disturbed = () => now.filter(({ name, settled }) => wasSettled.has(name) && !settled).length
      for (let step = 0; step < 200 && !now.every(({ told, settled }) => told && settled); step++) {
        const next = planMaterials(now)
        assert.ok(next.every((name) => now.find((one) => one.name === name)?.told === false))
        now = now.map((one) => (next.includes(one.name) ? { ...one, told: true, settled: false } : one))
        assert.ok(disturbed() <= 1, `${disturbed()} at once`)
        now = now.map((one) =>
          one.settled || !(step % 5 === 4 || heals.next().value) ? one : { ...one, settled: true },
        )
      }
      assert.ok(now.every(({ told, settled }) => told && settled))
    }),
  )
})

test.run()
