import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { JsonSchema } from '../../../src/resources/schema.ts'
import { compileShape } from '../../../src/resources/validation/shape.ts'

const schema: JsonSchema = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', pattern: '^a' },
    kind: { type: 'string', enum: ['X'] },
    sizes: { type: 'object', additionalProperties: { type: 'integer' } },
    none: { type: 'boolean', nullable: true },
  },
}
for (const [value, fits] of [
  [{ name: 'a' }, true],
  [{ name: 'b' }, false],
  [{}, false],
  [{ name: 'a', kind: 'a word of a later nsctl' }, true],
  [{ name: 'a', later: [1] }, true],
  [{ name: 'a', sizes: { x: 1 } }, true],
  [{ name: 'a', sizes: { x: 1.5 } }, false],
  [{ name: 'a', sizes: ['x'] }, false],
  [{ name: 'a', none: null }, true],
  [{ name: null }, false],
  [JSON.parse('{"name":"a","__proto__":{"x":1},"constructor":1}'), true],
] as const)
  test(`compileShape ${JSON.stringify(value)}: ${fits}`, () => assert.is(compileShape(schema)(value), fits))

test.run()
