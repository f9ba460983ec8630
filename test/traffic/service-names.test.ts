import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { catalogServiceName } from '../../src/traffic/service-names.ts'

for (const [parts, want] of [
  [['default', 'web'], 'web'],
  [['shop', 'web'], 'web--shop'],
  [['shop', 'web', 'metrics'], 'web--shop--metrics'],
  [['default', 'web', 'metrics'], 'web--default--metrics'],
  [['default', 'consul'], 'consul--default'],
  [['default', 'web--shop'], 'web--shop---4dph9brx'],
] as const) {
  test(`${parts.join(' ')} is called ${want}`, () => {
    const [namespace, service, port] = parts
    assert.is(catalogServiceName(namespace, service, port), want)
  })
}

/** With many hyphens, and long: where names meet. */
const label = fc
  .array(fc.constantFrom('a', 'b', '-', '--', 'web', 'x'.repeat(30)), { minLength: 1, maxLength: 6 })
  .map((parts) => `a${parts.join('')}a`.slice(0, 52).replace(/-+$/, ''))
const name = fc.tuple(fc.oneof(fc.constant('default'), label), label, fc.option(label, { nil: undefined }))

test('every name is one DNS label, and no two share one', () => {
  fc.assert(
    fc.property(name, name, (one, other) => {
      const [a, b] = [catalogServiceName(...one), catalogServiceName(...other)]
      assert.match(a, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/)
      if (JSON.stringify(one) !== JSON.stringify(other)) assert.is.not(a, b)
    }),
    { numRuns: 2_000 },
  )
})

test.run()
