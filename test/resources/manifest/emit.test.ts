import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse, stringify } from 'yaml'
import { emitYaml } from '../../../src/resources/manifest/emit.ts'

const WORDS = [
  'yes',
  'No',
  'null',
  '~',
  '1',
  '0x1f',
  '1e3',
  '-',
  '--- a',
  '2026-01-01',
  '12:30',
  'a: b',
  'a #b',
  '#',
  ' a',
  'a ',
  '',
  '-e5',
  '-.5',
  '-y',
  '--',
  '.5/1',
  '../a',
  '1/2',
  '1 a: b',
  '1 a',
  '1 2',
  '1.5Gi',
  '1m30s',
]

const text = fc.oneof(
  fc.constantFrom(...WORDS),
  fc.string({ unit: 'grapheme-ascii' }),
  fc.stringMatching(/^[a-z:# \-/.{}]{0,8}$/),
  fc.stringMatching(/^[-.]{0,2}[0-9.]{0,3}[a-zMi%/: ]{0,2}[0-9]{0,2}[a-zE]?$/),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('map'),
  ),
  list: fc.array(tie('value'), { maxLength: 4 }),
  map: fc.dictionary(
    text.filter((key) => key !== '__proto__'),
    tie('value'),
    { maxKeys: 4 },
  ),
}))
const document = fc.dictionary(fc.constantFrom('spec', 'a b', 'yes', '- x', 'metadata'), value)

test('what is written is read back as it was, by readers of YAML 1.2 and 1.1', () => {
  fc.assert(
    fc.property(document, (given) => {
      const written = emitYaml(given)
      if (written === undefined) return
      const want = JSON.parse(JSON.stringify(given))
      assert.equal(parse(written), want, written)
      assert.equal(parse(written, { version: '1.1' }), want, written)
    }),
    { numRuns: 2000 },
  )
})

test('an object of ours looks as the library writes it', () => {
  const object = {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name: 'web', labels: { app: 'web' }, uid: undefined, finalizers: [] },
    spec: {
      replicas: 2,
      template: {
        source: { command: ['node', 'server.js', 'port=1'], workingDir: '/srv/web app' },
        env: [
          { name: 'A', value: 'true' },
          { name: 'B', value: '' },
          { name: 'C', value: '--name' },
          { name: 'D', value: './run' },
          { name: 'E', value: '3 of 3 ready' },
          { name: 'F', value: '500m' },
          { name: 'G', value: '2026-01-31T12:00:00Z' },
        ],
        ports: [{ name: 'http', of: [[1, 2], [{ a: 1 }]] }],
        security: {},
      },
    },
  }
  const library = stringify(object, {
    lineWidth: 0,
    indentSeq: false,
    aliasDuplicateObjects: false,
    compat: 'yaml-1.1',
  })
  assert.is(emitYaml(object), library)
})

for (const given of [{ a: 'x\ny' }, { a: 'ü' }, { ü: 1 }, { a: ['\t'] }, { a: Number.POSITIVE_INFINITY }])
  test(`${JSON.stringify(given)} is left to the library`, () => {
    assert.is(emitYaml(given), undefined)
  })

test('nothing at all', () => {
  assert.is(emitYaml({}), '{}\n')
  assert.is(emitYaml([]), '[]\n')
})

test.run()
