/** Admission and the systemd runtime agree on which relaxations can act. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { explain } from '../../../src/resources/explain.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { hardeningLines } from '../../../src/runtimes/systemd/hardening.ts'
import { put, serviceManifest } from '../fixtures.ts'

const kinds = createKindRegistry()
const service = kinds.byKind('Service')
await service.prepare()
const relaxable = (explain(kinds, 'svc.spec.template.security.relax').enum ?? []) as readonly string[]

function faults(relax: readonly string[]): readonly string[] {
  const object = service.withDefaults(put(serviceManifest(), 'spec.template.security', { relax }))
  return service.validate(object).map(({ path, message }) => `${formatPath(path)}: ${message}`)
}

function acts(relax: readonly string[]): boolean {
  try {
    hardeningLines({ scope: 'system', network: 'host', relax, user: 'web' })
    return true
  } catch {
    return false
  }
}

test('a relaxation that DynamicUser takes back is refused, with what to do', () => {
  assert.equal(faults(['ProtectHome', 'PrivateTmp']), [
    'spec.template.security.relax[1]: has no effect: DynamicUser always brings PrivateTmp; relax DynamicUser too (the service then runs as root), or leave PrivateTmp out',
  ])
})

for (const name of relaxable)
  test(`relaxing ${name} is admitted just where it acts`, () => {
    for (const relax of [[name], [name, 'DynamicUser'], ['all', name]])
      assert.is(faults(relax).length === 0, acts(relax), relax.join())
  })

test.run()
