/** What the runtime is told, for programs beside others and in containers. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ProgramFinder } from '../../../src/agent/executable.ts'
import { prepare } from '../../../src/agent/instance/specs.ts'
import type { Instance } from '../../../src/resources/generated/types.ts'

function instance(template: object): Instance {
  return {
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Instance',
    metadata: { name: 'web-0', namespace: 'default' },
    spec: {
      service: 'web',
      ordinal: 0,
      node: 'local',
      templateHash: 'h3kq9x2mzc',
      attempt: 0,
      template: { stop: { signal: 'SIGTERM', gracePeriod: '10s' }, network: 'host', ...template },
    },
  } as unknown as Instance
}

const look = (template: object) =>
  prepare(instance(template), [], {
    baseEnvironment: { PATH: '/usr/bin:/bin' },
    finder: new ProgramFinder(),
    composed: new Map(),
  })

const missing = { command: ['only-inside', '--x'], workingDir: '/only/inside' }

test('a program beside others is found on the node, or that is what stands in the way', async () => {
  const found = await look({ source: { command: ['sh', '-c', 'x'] } })
  assert.ok(found.kind === 'ready')
  assert.match(found.specs[0]?.command[0] ?? '', /^\/(usr\/)?bin\/sh$/)
  assert.is(found.specs[0]?.container, undefined)
  const lost = await look({ source: missing })
  assert.ok(lost.kind === 'obstacle')
  assert.is(lost.obstacle.reason, 'WorkingDirMissing')
})

for (const c of [
  { name: 'of the machine', given: {}, want: {} },
  { name: 'with a root', given: { root: '/srv/web' }, want: { root: '/srv/web' } },
  { name: 'with a closure', given: { closure: ['/usr'] }, want: { closure: ['/usr'] } },
])
  test(`what is in a container ${c.name} is looked for there`, async () => {
    const found = await look({ source: missing, runtime: 'nspawn', ...c.given })
    assert.ok(found.kind === 'ready')
    const [spec] = found.specs
    assert.equal(
      { command: spec?.command, workingDir: spec?.workingDir, container: spec?.container },
      { command: ['only-inside', '--x'], workingDir: '/only/inside', container: c.want },
    )
  })

test.run()
