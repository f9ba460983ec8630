import * as fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import {
  CONTEXT_FIELDS,
  type Config,
  documentOf,
  type StoreContext,
} from '../../../src/main/config/config.ts'
import { parseConfig } from '../../../src/main/config/document.ts'
import { quickConfig } from '../../../src/main/config/quick.ts'
import { toYaml } from '../../../src/resources/manifest.ts'

const HEAD = 'apiVersion: nsctl.dev/v1alpha1\nkind: Config\n'
const PROD = `- name: prod\n  context:\n    store: consul://10.0.0.5:8500/nsctl?dc=eu\n`

const words = fc.constantFrom(
  'prod',
  'ada@lab',
  'memory:',
  'sqlite:/var/lib/nsctl/store.db',
  'true',
  '~',
  '1e5',
  '12',
  'a: b',
  '#x',
  'é',
  '"',
  "'",
  '\\',
  '- x',
  'null',
  '/x #y',
)
const text = fc.oneof(words, fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme-ascii' }))
const context = fc
  .tuple(text, fc.dictionary(fc.constantFrom(...CONTEXT_FIELDS), text, { maxKeys: 4 }))
  .map(([store, fields]) => ({ store, ...fields }) as StoreContext)
const config: fc.Arbitrary<Config> = fc
  .record({
    currentContext: fc.option(text, { nil: undefined }),
    contexts: fc.uniqueArray(fc.record({ name: text, context }), {
      selector: (one) => one.name,
      maxLength: 4,
    }),
  })
  .map(({ currentContext, contexts }) => ({
    ...(currentContext && { currentContext }),
    // with prototypes, as readers make them
    contexts: contexts.map(({ name, context }) => ({ name, context: { ...context } })),
  }))

/** What the library makes of it; undefined where it refuses. */
const slow = (yaml: string) => parseConfig(Buffer.from(yaml), 'config').catch(() => undefined)

test('what nsctl writes is read back by both readers', () =>
  fc.assert(
    fc.asyncProperty(config, async (wanted) => {
      const yaml = await toYaml(documentOf(wanted))
      assert.equal(await slow(yaml), wanted)
      assert.equal(quickConfig(yaml) ?? wanted, wanted)
    }),
  ))

test('the quick reader never reads another thing than the library, whatever was changed', () =>
  fc.assert(
    fc.asyncProperty(config, fc.nat(), fc.nat({ max: 6 }), words, async (start, at, gone, put) => {
      const yaml = await toYaml(documentOf(start))
      const cut = at % (yaml.length + 1)
      const changed = yaml.slice(0, cut) + put + yaml.slice(cut + gone)
      const quick = quickConfig(changed)
      if (quick !== undefined) assert.equal(quick, await slow(changed), changed)
    }),
    { numRuns: 1000 },
  ))

for (const c of [
  {
    name: 'a usual one',
    text: `${HEAD}current-context: prod\ncontexts:\n${PROD}    namespace: shop\n`,
    quick: true,
  },
  {
    name: 'quoted values',
    text: `${HEAD}contexts:\n- name: "12"\n  context:\n    store: "memory:"\n`,
    quick: true,
  },
  { name: 'one without contexts', text: `${HEAD}contexts: []\n`, quick: true },
  { name: 'a comment', text: `# mine\n${HEAD}contexts:\n${PROD}`, quick: false },
  { name: 'a number', text: `${HEAD}contexts:\n${PROD}    namespace: 12\n`, quick: false },
  { name: 'an unknown field', text: `${HEAD}contexts:\n${PROD}    nmespace: shop\n`, quick: false },
  { name: 'a field twice', text: `${HEAD}contexts:\n${PROD}    store: b\n`, quick: false },
  { name: 'a name twice', text: `${HEAD}contexts:\n${PROD}${PROD}`, quick: false },
  {
    name: 'a context without a store',
    text: `${HEAD}contexts:\n- name: a\n  context:\n    namespace: b\n`,
    quick: false,
  },
  {
    name: 'a colon at the end',
    text: `${HEAD}contexts:\n${PROD}    namespace: shop:\n`,
    quick: false,
  },
  { name: 'null', text: `${HEAD}contexts:\n${PROD}    namespace: null\n`, quick: false },
  {
    name: 'a remark behind a value',
    text: `${HEAD}contexts:\n${PROD}    namespace: shop # or not\n`,
    quick: false,
  },
  { name: 'something behind an empty list', text: `${HEAD}contexts: []\n${PROD}`, quick: false },
])
  test(`${c.name} is ${c.quick ? 'read quickly' : 'left to the library'}`, () =>
    assert.is(quickConfig(c.text) !== undefined, c.quick))

test.run()
