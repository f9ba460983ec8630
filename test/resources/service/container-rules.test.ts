/** Rules of templates with `runtime: nspawn`. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { put, serviceManifest } from '../fixtures.ts'

const kinds = createKindRegistry()
const service = kinds.byKind('Service')
await service.prepare()

function faults(template: Readonly<Record<string, unknown>>): readonly string[] {
  let object = serviceManifest()
  for (const [name, value] of Object.entries(template)) object = put(object, `spec.template.${name}`, value)
  return service
    .validate(service.withDefaults(object))
    .map(({ path, message }) => `${formatPath(path)}: ${message}`)
}

const nspawn = { runtime: 'nspawn' }
const at = 'spec.template.'

for (const c of [
  { name: 'nothing more', given: nspawn, want: [] },
  { name: 'a root', given: { ...nspawn, root: '/srv/web' }, want: [] },
  { name: 'a closure', given: { ...nspawn, closure: ['/usr', '/nix/store/abc-web'] }, want: [] },
  {
    name: 'a relaxation that acts',
    given: { ...nspawn, security: { relax: ['NoNewPrivileges'] } },
    want: [],
  },
  {
    name: 'both',
    given: { ...nspawn, root: '/srv/web', closure: ['/usr'] },
    want: [`${at}closure: cannot be given with root: choose one`],
  },
  {
    name: 'a root without the runtime',
    given: { root: '/srv/web' },
    want: [`${at}root: acts with runtime: nspawn only; say that too`],
  },
  {
    name: 'a closure without the runtime',
    given: { closure: ['/usr'] },
    want: [`${at}closure: acts with runtime: nspawn only; say that too`],
  },
  {
    name: 'a path with steps in it',
    given: { ...nspawn, root: '/srv/../web/' },
    want: [`${at}root: must be a plain path, like "/web"`],
  },
  {
    name: "what is the container's own",
    given: { ...nspawn, closure: ['/usr', '/proc'] },
    want: [`${at}closure[1]: cannot be /proc: a container has its own`],
  },
  {
    name: "the machine's whole root",
    given: { ...nspawn, root: '//' },
    want: [`${at}root: must be a plain path, like "/"`],
  },
  {
    name: 'a relaxation of what it always has',
    given: { ...nspawn, security: { relax: ['PrivateTmp', 'NoNewPrivileges'] } },
    want: [`${at}security.relax[0]: has no effect with runtime: nspawn; leave PrivateTmp out`],
  },
])
  test(`a container with ${c.name}`, () => {
    assert.equal(faults(c.given), c.want)
  })

test('another runtime is refused by the schema', () => {
  assert.match(faults({ runtime: 'docker' }).join(), /spec\.template\.runtime.*"nspawn"/)
})

test.run()
