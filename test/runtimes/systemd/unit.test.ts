import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import { localDisk } from '../../../src/runtimes/disk.ts'
import type { ProgramSpec } from '../../../src/runtimes/runtime.ts'
import { touchUnits } from '../../../src/runtimes/systemd/files.ts'
import { sliceUnit, targetUnit } from '../../../src/runtimes/systemd/group.ts'
import type { Layout } from '../../../src/runtimes/systemd/layout.ts'
import { stopSettings } from '../../../src/runtimes/systemd/stopping.ts'
import { splitEnvironment, templateUnit, type UnitOptions } from '../../../src/runtimes/systemd/unit.ts'

const spec: ProgramSpec = {
  id: { namespace: 'default', service: 'web', templateHash: 'h3kq9x2mzc', ordinal: 3, program: '' },
  command: ['/usr/bin/node', 'server.js', '--name=%n $HOME "x"'],
  workingDir: '/srv/web',
  env: { PATH: '/usr/bin:/bin', MODE: 'a "b" % \\', PORT: '20001', PORT_HTTP: '20001' },
  storage: [],
  limits: {},
  stop: { signal: 'SIGTERM', graceMs: 10_000 },
  network: 'host',
  relax: [],
}
const system: UnitOptions = {
  scope: 'system',
  storageDir: '/var/lib/nsctl/storage',
  stateDirectory: 'nsctl/storage',
  envDir: '/run/nsctl/env',
  containerDir: '/run/nsctl/containers',
  materialDir: '/run/nsctl/materials',
  linkDir: '/run/nsctl/links',
  fenceFile: '/run/nsctl/fence',
  givenDir: '/run/nsctl/given',
  binds: [],
}
const user: UnitOptions = {
  ...system,
  scope: 'user',
  storageDir: '/home/me/.local/state/nsctl/storage',
  stateDirectory: undefined,
  envDir: '/run/user/1000/nsctl/env',
  materialDir: '/run/user/1000/nsctl/materials',
}
const limits = { cpuWeightMillis: 500, cpuQuotaMillis: 1_500, memoryMaxBytes: 134_217_728, tasksMax: 64 }
const storage = [{ name: 'my-data', path: '/var/lib/my web' }]

const material = {
  credentials: ['db.password', 'db.key'],
  live: false,
  environment: true,
  folders: [{ name: 'my.app' }, { name: 'nginx', path: '/srv/my nginx' }],
  paths: { '/srv/tls/key.pem': 'db.key', '/srv/tls/more': 'db.password', '/opt/x/password': 'db.password' },
}

test('a group’s target and slice', () => {
  const golden = (name: string, text: string) => {
    const file = join(import.meta.dirname, 'golden', name)
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, text)
    assert.fixture(text, readFileSync(file, 'utf8'))
  }
  const id = { ...spec.id, program: 'worker' }
  golden('group.target', targetUnit(id))
  golden('group.slice', sliceUnit(id, limits))
})

test('a folder that is touched has a time that it never had, however soon that is after the last', () => {
  const unitDir = mkdtempSync(join(tmpdir(), 'nsctl-units-'))
  try {
    const times = Array.from({ length: 50 }, (_, index) => {
      writeFileSync(join(unitDir, String(index)), '')
      touchUnits({ unitDir, disk: localDisk } as Layout)
      return statSync(unitDir, { bigint: true }).mtimeNs
    })
    assert.is(new Set(times).size, 50)
  } finally {
    rmSync(unitDir, { recursive: true })
  }
})

/** Golden files: written anew with UPDATE_GOLDEN=1, read by people. */
for (const c of [
  { name: 'web', spec, options: system },
  {
    name: 'offline-storage-limits',
    spec: { ...spec, network: 'none', storage, limits } as const,
    options: system,
  },
  { name: 'relaxed', spec: { ...spec, relax: ['all'], env: {} }, options: system },
  {
    name: 'group-relaxed-some',
    spec: { ...spec, id: { ...spec.id, program: 'worker' }, relax: ['ProtectHome', 'SystemCallFilter'] },
    options: system,
  },
  {
    name: 'bound',
    spec,
    options: { ...system, binds: [{ from: '/root/my: app', to: '/run/nsctl/bind/x' }] },
  },
  { name: 'material', spec: { ...spec, material }, options: system },
  { name: 'material-live', spec: { ...spec, material: { ...material, live: true } }, options: system },
  { name: 'material-user', spec: { ...spec, material }, options: user },
  {
    name: 'container-root',
    spec: { ...spec, network: 'none', storage, limits, material } as const,
    options: { ...system, root: { directory: '/srv/a: root', shown: [], shell: '/bin/sh' } },
  },
  {
    name: 'container-closure',
    spec: { ...spec, relax: ['NoNewPrivileges'], material: { ...material, live: true } },
    options: {
      ...system,
      root: {
        directory: '/run/nsctl/containers/root',
        shown: ['/usr', '/nix/store/x'],
        shell: '/nix/store/x/bin/sh',
      },
    },
  },
  { name: 'user', spec: { ...spec, storage, limits }, options: user },
  { name: 'user-offline', spec: { ...spec, network: 'none' } as const, options: user },
])
  test(`the unit of ${c.name}`, () => {
    const file = join(import.meta.dirname, 'golden', `${c.name}.service`)
    const text = templateUnit(c.spec, c.options)
    if (process.env.UPDATE_GOLDEN === '1') writeFileSync(file, text)
    assert.fixture(text, readFileSync(file, 'utf8'))
  })

test('one text for all ordinals and ports of a template', () => {
  const other = { ...spec, id: { ...spec.id, ordinal: 9 }, env: { ...spec.env, PORT: '1', PORT_HTTP: '2' } }
  assert.is(templateUnit(other, system), templateUnit(spec, system))
})

test('what units cannot carry goes by another way', () => {
  const text = templateUnit({ ...spec, env: { A: 'red\u001b[0m', B: 'plain' } }, system)
  assert.match(text, /^ExecStart=:"\/usr\/bin\/env" "A=red\\x1b\[0m" "\/usr\/bin\/node"/m)
  assert.match(text, /^Environment="B=plain"$/m)
  assert.match(
    templateUnit({ ...spec, command: ['/opt/it"s', 'x'] }, system),
    /^ExecStart=:"\/bin\/sh" "-c" "exec \\"\$@\\"" "sh" "\/opt\/it\\"s" "x"$/m,
  )
})

for (const c of [
  { name: 'a line feed in the working directory', change: { workingDir: '/a\nExecStart=/bin/evil' } },
  { name: 'a zero byte in an argument', change: { command: ['/bin/x', 'a\0b'] as const } },
  { name: 'a zero byte in a variable', change: { env: { A: 'a\0' } } },
  { name: 'a line feed in a storage path', change: { storage: [{ name: 'd', path: '/x\n[Service]' }] } },
  {
    name: 'a credential whose name would be another line',
    change: { material: { ...material, credentials: ['a\nExecStartPre=/bin/evil'] } },
  },
  { name: 'a credential with a colon', change: { material: { ...material, credentials: ['a:b'] } } },
  { name: 'a folder with a slash', change: { material: { ...material, folders: [{ name: '../x' }] } } },
  {
    name: 'two folders of one variable',
    change: { material: { ...material, folders: [{ name: 'a.b' }, { name: 'a-b' }] } },
  },
  {
    name: 'a Config in the place of /etc',
    change: { material: { ...material, folders: [{ name: 'a', path: '/etc/' }] } },
  },
  { name: 'a secret right in /usr', change: { material: { ...material, paths: { '/usr/key': 'db.key' } } } },
  { name: 'a path that is none', change: { material: { ...material, paths: { 'srv/x/key': 'db.key' } } } },
  {
    name: 'a path with a way up',
    change: { material: { ...material, paths: { '/srv/../etc/x': 'db.key' } } },
  },
  {
    name: 'a Config and a Secret in one place',
    change: { material: { ...material, paths: { '/srv/my nginx/key': 'db.key' } } },
  },
  { name: 'a relaxation without effect', change: { relax: ['NoNewPrivileges'] } },
] as { name: string; change: Partial<ProgramSpec> }[])
  test(`refuses ${c.name}`, () => {
    assert.throws(
      () => templateUnit({ ...spec, ...c.change }, system),
      (error: unknown) => isNsctlError(error, 'Invalid'),
    )
  })

test('core dumps can be allowed, by name and by all', () => {
  for (const relax of [['LimitCORE'], ['all']])
    assert.not.match(templateUnit({ ...spec, material, relax }, system), /^(LimitCORE|CoredumpFilter)=/m)
  assert.not.match(
    templateUnit(
      { ...spec, material: { ...material, credentials: [], environment: false, paths: {} } },
      system,
    ),
    /^LimitCORE=/m,
  )
})

test('no line but its own comes of any text', () => {
  const evil = 'x\n[Service]\nExecStartPre=/bin/evil\n'
  const text = templateUnit({ ...spec, command: ['/bin/sh', evil], env: { A: evil } }, system)
  assert.is(text.split('\n').filter((line) => line.startsWith('[')).length, 2)
  assert.not.match(text, /^ExecStartPre/m)
})

test('ports are the only variables of an instance alone', () => {
  assert.equal(splitEnvironment({ PORT: '1', PORT_A: '2', PORTAL: '3', X: '4' }), {
    own: { PORT: '1', PORT_A: '2' },
    shared: { PORTAL: '3', X: '4' },
  })
})

test('the text says how it is stopped', () => {
  assert.equal(stopSettings(templateUnit(spec, system)), { signal: 'SIGTERM', graceMs: 10_000 })
})

test.run()
