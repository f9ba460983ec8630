/** Whatever is written into a trigger, reading it says what is wrong, and nothing of a secret. */
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { TRIGGERS } from '../../../src/resources/triggers/index.ts'
import { readTrigger, targetOf } from '../../../src/resources/triggers/read.ts'
import type { TriggerParameter, TriggerSchema } from '../../../src/resources/triggers/schema.ts'

const SECRET = 'planted\u{2603}5d1e'

const TEXTS = fc.oneof(
  fc.string(),
  fc.constantFrom(
    '',
    ' ',
    '0',
    '-1',
    '1e999',
    'NaN',
    'Infinity',
    '0x10',
    'true',
    '@daily',
    '0 8 * * *',
    'a,b',
    'http://a:1',
    '__proto__',
  ),
)
const VALUES = fc.oneof(
  TEXTS,
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.string()),
  fc.dictionary(fc.string(), fc.string()),
)

const namesOf = ({ parameters }: TriggerSchema) =>
  parameters.flatMap(({ name, aliases = [] }) => [name, ...aliases].flatMap((one) => [one, `${one}FromEnv`]))

for (const schema of TRIGGERS)
  test(`readTrigger of ${schema.types[0]} survives garbage`, () => {
    const key = fc.oneof(fc.constantFrom(...namesOf(schema)), fc.string())
    const arbitrary = fc.record(
      {
        metadata: fc.dictionary(key, VALUES, { maxKeys: 12 }),
        metricType: fc.constantFrom('AverageValue', 'Value', 'Utilization', 'Other'),
        authentication: fc.oneof(fc.constant('later' as const), fc.dictionary(key, TEXTS, { maxKeys: 6 })),
        environment: fc.oneof(
          fc.constant('later' as const),
          fc.dictionary(fc.string(), TEXTS, { maxKeys: 3 }),
        ),
        inFormula: fc.boolean(),
      },
      { requiredKeys: ['metadata'] },
    )
    fc.assert(
      fc.property(arbitrary, (trigger) => {
        const { issues, metricType, parameters } = readTrigger(schema, trigger)
        assert.ok(schema.metricTypes.includes(metricType))
        const target = targetOf(schema, parameters)
        if (issues.length === 0 && target !== undefined) assert.ok(target > 0 && Number.isFinite(target))
        for (const { path } of issues)
          assert.match(String(path[0]), /^(metadata|metricType|authenticationRef)$/)
      }),
      { numRuns: 200 },
    )
  })

/** Each parameter in turn, wherever it may stand. */
function plantings(parameter: TriggerParameter) {
  const { name, from, secret } = parameter
  const [base] = [{ metadata: {}, authentication: {}, environment: {} }]
  return [
    ...(secret && from.includes('M') ? [{ ...base, metadata: { [name]: SECRET } }] : []),
    ...(from.includes('E')
      ? [{ ...base, metadata: { [`${name}FromEnv`]: 'V' }, environment: { V: SECRET } }]
      : []),
    ...(from.includes('A') ? [{ ...base, authentication: { [name]: SECRET } }] : []),
  ]
}

test('no value of a secret, of a variable or of a TriggerAuthentication is in what is said', () => {
  let count = 0
  for (const schema of TRIGGERS)
    for (const parameter of schema.parameters)
      for (const trigger of plantings(parameter)) {
        const { issues, warnings } = readTrigger(schema, trigger)
        assert.not.match(JSON.stringify([issues, warnings]), SECRET, `${schema.types[0]}.${parameter.name}`)
        count++
      }
  assert.ok(count > 100, `only ${count}`)
})

test.run()
