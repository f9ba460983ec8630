import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { notEnforcedFor } from '../../../src/agent/instance/status.ts'
import type { Instance, InstanceMaterial, ServiceTemplate } from '../../../src/resources/generated/types.ts'

const CANNOT = ['secrets', 'secrets.memory', 'secrets.path', 'configs.path']
const files = (path?: string) => [
  { name: 'x', optional: false, onChange: 'restart' as const, ...(path === undefined ? {} : { path }) },
]
const secret: InstanceMaterial = { kind: 'Secret', name: 'x', version: 'v' }
const config: InstanceMaterial = { kind: 'Config', name: 'x', version: 'v' }

for (const c of [
  { name: 'nothing of what is not used', template: {}, materials: [], want: [] },
  { name: 'what a Secret needs', template: {}, materials: [secret], want: ['secrets', 'secrets.memory'] },
  {
    name: "a Secret's path",
    template: { secrets: files('/x') },
    materials: [secret],
    want: ['secrets', 'secrets.memory', 'secrets.path'],
  },
  {
    name: "a Config's path",
    template: { configs: files('/x') },
    materials: [config],
    want: ['configs.path'],
  },
  { name: 'no path of files without one', template: { configs: files() }, materials: [config], want: [] },
] as readonly {
  name: string
  template: Partial<ServiceTemplate>
  materials: readonly InstanceMaterial[]
  want: readonly string[]
}[])
  test(`what a runtime cannot do is named of an instance: ${c.name}`, () => {
    const template = { stop: { signal: 'SIGTERM', gracePeriod: '10s' }, network: 'host', ...c.template }
    const instance = { spec: { template, materials: c.materials } } as unknown as Instance
    assert.equal(notEnforcedFor(instance, CANNOT), c.want)
  })

test.run()
