import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { CPU_PATTERN, DURATION_PATTERN, MEMORY_PATTERN } from '../../src/core/quantity.ts'
import { BUILT_IN_VALIDATORS } from '../../src/resources/generated/validators.ts'
import { createKindRegistry } from '../../src/resources/registry.ts'
import type { JsonSchema } from '../../src/resources/schema.ts'
import { compileValidator } from '../../src/resources/validation/compile.ts'
import { countCharacters } from '../../src/resources/validation/text.ts'
import { groupManifest, put, serviceManifest } from './fixtures.ts'

test('what is generated is up to date with crds/', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/generate.ts', '--check'], {
    encoding: 'utf8',
  })
  assert.is(status, 0, stderr)
})

function patternsOf(schema: JsonSchema, name = ''): readonly (readonly [string, string])[] {
  const own = schema.pattern === undefined ? [] : [[name, schema.pattern] as const]
  const members = Object.entries(schema.properties ?? {}).flatMap(([key, child]) => patternsOf(child, key))
  return [...own, ...members, ...(schema.items ? patternsOf(schema.items, name) : [])]
}

test('quantities in crds/ have the syntax that core parses', () => {
  const patterns = patternsOf(createKindRegistry().byKind('Service').schema)
  const of = (...names: readonly string[]) => [
    ...new Set(patterns.filter(([name]) => names.includes(name)).map(([, pattern]) => pattern)),
  ]
  assert.equal(of('cpu'), [CPU_PATTERN])
  assert.equal(of('memory'), [MEMORY_PATTERN])
  assert.equal(of('period', 'timeout', 'initialDelay', 'gracePeriod', 'progressDeadline'), [DURATION_PATTERN])
})

test('precompiled validators find what ajv finds', () => {
  const service = createKindRegistry().byKind('Service')
  const [compiled, precompiled] = [compileValidator(service.schema), BUILT_IN_VALIDATORS.Service!]
  const paths = [
    'spec',
    'spec.replicas',
    'spec.template',
    'spec.template.env',
    'spec.template.env.0',
    'spec.template.env.0.name',
    'spec.template.ports.0',
    'spec.template.readiness',
    'spec.template.readiness.http',
    'spec.template.liveness.exec',
    'spec.template.programs.0',
    'spec.template.programs.0.readiness',
    'spec.storage.0.path',
    'spec.update.maxSurge',
    'spec.unknown',
    'status',
    'status.conditions',
    'metadata',
    'other',
  ]
  const value = fc.oneof(fc.jsonValue(), fc.constantFrom(undefined, 'x'.repeat(300), 1e9, [], {}, [{}], 'a'))
  let wrong = 0
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.array(fc.tuple(fc.constantFrom(...paths), value), { maxLength: 3 }),
      (group, changes) => {
        const object = group ? groupManifest() : serviceManifest()
        for (const [path, to] of changes) {
          try {
            put(object, path, structuredClone(to))
          } catch {
            // an earlier change left nothing to put it in
          }
        }
        const found = (validator: typeof compiled) =>
          validator(object)
            ? []
            : (validator.errors ?? []).map(({ instancePath, keyword }) => `${instancePath} ${keyword}`).sort()
        const faults = found(compiled)
        if (faults.length > 0) wrong++
        assert.equal(found(precompiled), faults)
      },
    ),
    { numRuns: 1000 },
  )
  assert.ok(wrong > 200, `only ${wrong} objects were wrong`)
})

test('length counts characters, not UTF-16 units', () => {
  for (const [text, length] of [
    ['', 0],
    ['abc', 3],
    ['é', 1],
    ['\u{1f600}', 1],
    ['a\u{1f600}b', 3],
    ['\ud83d', 1],
    ['\ude00\ud83d', 2],
  ] as const)
    assert.is(countCharacters(text), length)
})

test.run()
