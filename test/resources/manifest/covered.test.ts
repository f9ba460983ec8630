import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { coveredBlindly, coveredText } from '../../../src/resources/manifest/covered.ts'
import { parseJson } from '../../../src/resources/manifest/json.ts'
import { parseYaml } from '../../../src/resources/manifest/yaml.ts'
import { parseManifests } from '../../../src/resources/manifest.ts'

const test = suite('covered text')

const head = 'apiVersion: nsctl.dev/v1alpha1\nkind: Secret\nmetadata: {name: db}\n'

for (const c of [
  { name: 'plain scalars', text: `${head}stringData:\n  password: hunter2\n` },
  { name: 'quoted scalars', text: `${head}stringData: {password: "hunter2 \\" x", b: 'hunter2'}\n` },
  {
    name: 'blocks',
    text: `${head}stringData:\n  password: |\n    hunter2\n    name: hunter2\n  b: >-\n    hunter2\n`,
  },
  { name: 'scalars over several lines', text: `${head}stringData:\n  password: a\n    hunter2\n    b\n` },
  { name: 'numbers', text: `${head}stringData:\n  hunter: 2\ndata:\n  x: hunter2\n` },
  { name: 'values in lists', text: `${head}stringData:\n  password: [hunter2, {a: hunter2}]\n` },
  { name: 'values in spec', text: `${head}spec:\n  password: hunter2\n` },
  {
    name: 'values where a name belongs',
    text: `${head}spec: {external: {vault: {auth: {token: hunter2}}}}\n`,
  },
  { name: 'values by an alias', text: `${head}stringData:\n  password: &p hunter2\n  again: *p\n` },
  { name: 'a document without a kind', text: 'stringData: {password: hunter2}\n' },
  { name: 'a misspelled kind', text: `${head.replace('Secret', 'secrets')}data: {password: hunter2}\n` },
  {
    name: 'items of a List',
    text: 'apiVersion: v1\nkind: List\nitems:\n- kind: Secret\n  stringData:\n    password: hunter2\n',
  },
])
  test(`covers ${c.name}, and keeps every place`, async () => {
    const documents = (await parseYaml(c.text)).flatMap((document) => {
      const { items } = document.value as { readonly items?: readonly unknown[] }
      return items === undefined
        ? [document]
        : items.map((value, index) => ({
            value,
            rangeOf: (path: readonly (string | number)[], onKey: boolean) =>
              document.rangeOf(['items', index, ...path], onKey),
          }))
    })
    const covered = coveredText(c.text, documents)
    assert.not.match(covered, 'hunter2')
    assert.is(covered.length, c.text.length)
    assert.equal(covered.match(/\n/g), c.text.match(/\n/g))
    assert.not.match(coveredBlindly(c.text).replace(/^ *name: .*$/gm, ''), 'hunter2')
  })

test('covers JSON', () => {
  const text =
    '{"kind":"Secret","metadata":{"name":"db"},"stringData":{"password":"hun\\u0074er2","b":["hunter2"]}}'
  const covered = coveredText(text, parseJson(text))
  assert.is(covered, text.replace('"hun\\u0074er2"', '**************').replace('"hunter2"', '*********'))
})

test('covers ten thousand values in a moment', async () => {
  const values = Object.fromEntries(
    Array.from({ length: 10_000 }, (_, n) => [`k${n}`, `hunter2 ${'x'.repeat(300)}`]),
  )
  const text = JSON.stringify({ kind: 'Secret', stringData: values })
  const start = performance.now()
  assert.not.match(coveredText(text, parseJson(text)), 'hunter2')
  assert.ok(performance.now() - start < 5_000)
})

test('leaves open what is nobody’s secret', async () => {
  const service = 'kind: Service\nmetadata: {name: secret}\nspec: {data: x}\n'
  assert.is(coveredText(service, await parseYaml(service)), service)
  const vault = `${head}spec:\n  external: {vault: {adress: https://vault}}\n`
  assert.is(coveredText(vault, await parseYaml(vault)), vault)
  assert.is(coveredBlindly('kind: Service\nspec: {a: b\n'), 'kind: Service\nspec: {a: b\n')
})

/** Texts that are hard on YAML: what people paste. */
const value = fc.string({
  unit: fc.constantFrom(...'q7Z{}[]:,&*!|>%@`"\'#-?\\ \t'.split('')),
  minLength: 3,
  maxLength: 24,
})

test('whatever a value does to the YAML, no error repeats it', async () => {
  await fc.assert(
    fc.asyncProperty(
      value,
      fc.constantFrom('', '\n', '\nkind: X\n', '\n---\nkind: X\n'),
      async (text, rest) => {
        const marked = `Zq7Zq7${text}Zq7Zq7`
        try {
          await parseManifests(`${head}stringData:\n  password: ${marked}${rest}`, { source: 'db.yaml' })
        } catch (error) {
          if (!isNsctlError(error)) throw error
          assert.not.match(`${error.message}${JSON.stringify(error)}`, 'Zq7Zq7')
        }
      },
    ),
    { numRuns: 1000 },
  )
})

test.run()
