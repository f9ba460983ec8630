import fc from 'fast-check'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { clone, formatPath } from '../../../src/core/json.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { groupManifest, put, serviceManifest } from '../fixtures.ts'

const service = createKindRegistry().byKind('Service')
await service.prepare()

function issues(object: AnyResource): string[] {
  return service
    .validate(service.withDefaults(object))
    .map(
      ({ path, message, suggestion }) =>
        `${formatPath(path)}: ${message}${suggestion ? ` [${suggestion}]` : ''}`,
    )
}

const T = 'spec.template'
const port = (more: object) => [{ name: 'http' }, { name: 'metrics', port: 9100 }, more]

const canary = (...steps: readonly object[]) => ({ strategy: 'Canary', canary: { steps } })
const analysis = {
  prometheus: { address: 'http://prometheus:9090', query: 'up' },
  successCondition: 'result == 1',
}

for (const [name, path, value, wanted] of [
  [
    'neither source nor programs',
    `${T}.source`,
    undefined,
    [`${T}: needs source (one program) or programs (a group)`],
  ],
  [
    'both',
    `${T}.programs`,
    [{ name: 'a', source: { command: ['b'] } }],
    [`${T}.programs: cannot stand beside source: give one of the two`],
  ],
  ['an empty command', `${T}.source.command`, [''], [`${T}.source.command[0]: must name a program`]],
  ['no command at all', `${T}.source.command`, [], [`${T}.source.command: must not be empty`]],
  [
    'a command in a string',
    `${T}.source.command`,
    'node server.js',
    [`${T}.source.command: must be a list, not the string "node server.js"`],
  ],
  [
    'a NUL in an argument',
    `${T}.source.command.1`,
    'a\0b',
    [`${T}.source.command[1]: must not contain a NUL character`],
  ],
  [
    'a relative working directory',
    `${T}.source.workingDir`,
    'web',
    [
      `${T}.source.workingDir: must be absolute: "web" is relative, and only a manifest in a file has a folder to be relative to`,
    ],
  ],
  [
    'a relative program without a working directory',
    `${T}.source`,
    { command: ['./run'] },
    [`${T}.source.command[0]: is relative ("./run"), and there is no workingDir to be relative to`],
  ],
  ['a program of PATH without a working directory', `${T}.source`, { command: ['node'] }, []],
  ['an absolute program without a working directory', `${T}.source`, { command: ['/bin/x'] }, []],

  [
    'two variables of one name',
    `${T}.env.1.name`,
    'LOG_LEVEL',
    [`${T}.env[1].name: must be unique: env[0] is named "LOG_LEVEL" too`],
  ],
  [
    'PORT by hand',
    `${T}.env.1.name`,
    'PORT',
    [`${T}.env[1].name: is set by nsctl: $PORT is the number of port http`],
  ],
  [
    'PORT_HTTP by hand',
    `${T}.env.1.name`,
    'PORT_METRICS',
    [`${T}.env[1].name: is set by nsctl: $PORT_METRICS is the number of port metrics`],
  ],
  ['a variable like a port that is not there', `${T}.env.1.name`, 'PORT_OTHER', []],
  [
    'STORAGE_DATA by hand',
    `${T}.env.1.name`,
    'STORAGE_DATA',
    [`${T}.env[1].name: is set by nsctl: $STORAGE_DATA is the path of storage data`],
  ],
  ['PATH by hand', `${T}.env.1.name`, 'PATH', []],
  [
    'the mark of an attempt by hand',
    `${T}.env.1.name`,
    'NSCTL_ATTEMPT',
    [`${T}.env[1].name: is set by nsctl: $NSCTL_ATTEMPT names the run that a process belongs to`],
  ],
  [
    'a variable that programs are started with',
    `${T}.env.1.name`,
    'nsctl__run',
    [`${T}.env[1].name: is set by nsctl: names that begin with nsctl__ are its own`],
  ],
  ['what a program that runs nsctl needs', `${T}.env.1.name`, 'NSCTL_STORE', []],
  [
    'a number as a value',
    `${T}.env.0.value`,
    8080,
    [`${T}.env[0].value: must be a string, not the number 8080 (quote it: "8080")`],
  ],
  [
    'a boolean as a value',
    `${T}.env.0.value`,
    true,
    [`${T}.env[0].value: must be a string, not the boolean true (quote it: "true")`],
  ],
  ['a NUL in a value', `${T}.env.0.value`, 'a\0', [`${T}.env[0].value: must not contain a NUL character`]],
  [
    'a name that is no variable',
    `${T}.env.0.name`,
    'a-b',
    [
      `${T}.env[0].name: must be a variable name (letters, digits and _, not starting with a digit), not "a-b"`,
    ],
  ],

  [
    'two ports of one name',
    `${T}.ports`,
    port({ name: 'http' }),
    [`${T}.ports[2].name: must be unique: ports[0] is named "http" too`],
  ],
  [
    'two ports of one number',
    `${T}.ports`,
    port({ name: 'b', port: 9100 }),
    [`${T}.ports[2].port: must be unique: ports[1] has 9100 too`],
  ],
  ['one number for TCP and UDP', `${T}.ports`, port({ name: 'b', port: 9100, protocol: 'UDP' }), []],
  [
    'http over UDP',
    `${T}.ports`,
    port({ name: 'b', protocol: 'UDP', scheme: 'http' }),
    [`${T}.ports[2].scheme: http is not spoken over UDP`],
  ],
  [
    'a port beyond 65535',
    `${T}.ports.1.port`,
    70000,
    [`${T}.ports[1].port: must be at most 65535, not 70000`],
  ],

  [
    'a probe without a way',
    `${T}.readiness`,
    { period: '1s' },
    [`${T}.readiness: needs one of http, tcp and exec`],
  ],
  [
    'a probe with two ways',
    `${T}.readiness.tcp`,
    { port: 'http' },
    [`${T}.readiness.tcp: cannot stand beside http: give one of http, tcp and exec`],
  ],
  [
    'a busy probe in two ways',
    `${T}.busy`,
    { exec: { command: ['a'] }, tcp: { port: 'http' } },
    [`${T}.busy.exec: cannot stand beside tcp: give one of http, tcp and exec`],
  ],
  [
    'a probe of a misspelled port',
    `${T}.readiness.http.port`,
    'htpp',
    [`${T}.readiness.http.port: names no port: "htpp" (ports are http, metrics) [http]`],
  ],
  [
    'a probe of a quoted number',
    `${T}.readiness.http.port`,
    '8080',
    [`${T}.readiness.http.port: names no port; a number is written without quotes: 8080`],
  ],
  ['a probe of an undeclared number', `${T}.readiness.http.port`, 8080, []],
  [
    'a probe of a number that is no port',
    `${T}.liveness.tcp.port`,
    70000,
    [`${T}.liveness.tcp.port: must be a port from 1 to 65535, not 70000`],
  ],
  [
    'a probe of a fraction',
    `${T}.liveness.tcp.port`,
    1.5,
    [`${T}.liveness.tcp.port: must be an integer or a string, not the number 1.5 (put it in quotes)`],
  ],
  [
    'a probe that never waits',
    `${T}.readiness.period`,
    '0s',
    [`${T}.readiness.period: must be at least 1ms, not "0s"`],
  ],
  [
    'a probe that waits for days',
    `${T}.readiness.timeout`,
    '2d',
    [`${T}.readiness.timeout: must be at most 24h, not "2d"`],
  ],
  ['no initial delay in words', `${T}.readiness.initialDelay`, '0s', []],
  [
    'a duration without a unit',
    `${T}.readiness.period`,
    '5',
    [`${T}.readiness.period: must be a duration such as 500ms, 30s or 1m30s, not "5"`],
  ],
  [
    'liveness that wants two successes',
    `${T}.liveness.successThreshold`,
    2,
    [`${T}.liveness.successThreshold: must be 1 for liveness, not 2: one success is life`],
  ],
  [
    'startup that wants two successes',
    `${T}.startup`,
    { exec: { command: ['up'] }, successThreshold: 2 },
    [`${T}.startup.successThreshold: must be 1 for startup, not 2: one success is enough`],
  ],

  [
    'a memory quantity that is none',
    `${T}.resources.memory`,
    '12Mb',
    [`${T}.resources.memory: must be a memory quantity such as 128Mi or 1G, not "12Mb"`],
  ],
  [
    'memory without a unit',
    `${T}.resources.memory`,
    '128',
    [`${T}.resources.memory: must be at least 1Mi, and "128" is 128 bytes [128Mi]`],
  ],
  [
    'more memory than there is',
    `${T}.resources.memory`,
    '99999999999Pi',
    [`${T}.resources.memory: is more than any machine has: "99999999999Pi"`],
  ],
  ['no cpu', `${T}.resources.cpu`, '0', [`${T}.resources.cpu: must be more than 0, not "0"`]],
  [
    'a limit below the share',
    `${T}.limits.cpu`,
    '100m',
    [`${T}.limits.cpu: must be at least resources.cpu (500m), not "100m"`],
  ],
  [
    'a limit that systemd has not',
    `${T}.limits.cpu`,
    '5m',
    [`${T}.limits.cpu: must be at least 10m, not "5m"`],
  ],

  [
    'a volume at /',
    'spec.storage.0.path',
    '/',
    ['spec.storage[0].path: must be an absolute path below /, not "/"'],
  ],
  [
    'a relative volume',
    'spec.storage.0.path',
    'data',
    ['spec.storage[0].path: must be an absolute path below /, not "data"'],
  ],
  [
    'a volume in /proc',
    'spec.storage.0.path',
    '/proc/x',
    ["spec.storage[0].path: cannot be in /proc, which is the kernel's"],
  ],
  [
    'a volume over /etc',
    'spec.storage.0.path',
    '/etc',
    ['spec.storage[0].path: would hide /etc from the program; choose a directory beneath it'],
  ],
  ['a volume beneath /etc', 'spec.storage.0.path', '/etc/web', []],
  [
    'a volume that climbs',
    'spec.storage.0.path',
    '/srv/../etc',
    ['spec.storage[0].path: must be written without empty steps, . and .., not "/srv/../etc"'],
  ],
  [
    'a volume with a slash at the end',
    'spec.storage.0.path',
    '/srv/',
    ['spec.storage[0].path: must be written without empty steps, . and .., not "/srv/"'],
  ],
  [
    'a volume with a colon',
    'spec.storage.0.path',
    '/srv/a:b',
    ['spec.storage[0].path: must have no control characters and no colon, not "/srv/a:b"'],
  ],
  [
    'two volumes of one name',
    'spec.storage.1',
    { name: 'data', path: '/b' },
    ['spec.storage[1].name: must be unique: storage[0] is named "data" too'],
  ],
  [
    'two volumes at one path',
    'spec.storage.1',
    { name: 'b', path: '/var/lib/web' },
    ['spec.storage[1].path: must be unique: storage[0] is seen at /var/lib/web too'],
  ],
  [
    'a volume in another',
    'spec.storage.1',
    { name: 'b', path: '/var/lib/web/b' },
    ['spec.storage[1].path: must not be in storage[0] (/var/lib/web)'],
  ],
  [
    'a volume around another',
    'spec.storage.1',
    { name: 'b', path: '/var/lib' },
    ['spec.storage[1].path: must not hold storage[0] (/var/lib/web)'],
  ],
  ['a volume beside another', 'spec.storage.1', { name: 'b', path: '/var/lib/web2' }, []],

  [
    'no room to update in',
    'spec.update',
    { maxSurge: 0 },
    ['spec.update.maxUnavailable: and maxSurge cannot both be 0: nothing could ever be replaced'],
  ],
  [
    'no room in percent',
    'spec.update',
    { maxSurge: '0%', maxUnavailable: '0%' },
    ['spec.update.maxUnavailable: and maxSurge cannot both be 0: nothing could ever be replaced'],
  ],
  ['no room, but Recreate', 'spec.update', { strategy: 'Recreate', maxSurge: 0 }, []],
  [
    'a Canary without steps',
    'spec.update.strategy',
    'Canary',
    ['spec.update: needs canary.steps where strategy is Canary'],
  ],
  [
    'steps of no Canary',
    'spec.update',
    { canary: { steps: [{ pause: {} }] } },
    ['spec.update.canary: acts with strategy: Canary only, not Rolling'],
  ],
  [
    'steps of all sorts',
    'spec.update',
    canary(
      { setWeight: 10 },
      { pause: {} },
      { pause: { duration: '5m' } },
      { setCanaryScale: { replicas: '50%' } },
      { analysis },
    ),
    [],
  ],
  [
    'a step of nothing, and one of two things',
    'spec.update',
    canary({}, { setWeight: 10, pause: {} }),
    [
      'spec.update.canary.steps[0]: needs one of setWeight, setCanaryScale, pause, analysis',
      'spec.update.canary.steps[1].pause: cannot stand beside setWeight: make it a step of its own',
    ],
  ],
  [
    'steps that cannot be meant',
    'spec.update',
    canary(
      { setWeight: 101 },
      { setCanaryScale: { replicas: '5' } },
      { pause: { duration: '0s' } },
      {
        analysis: {
          ...analysis,
          prometheus: { address: 'prometheus:9090', query: 'up' },
          successCondition: 'reslt < 1',
        },
      },
      { analysis: { ...analysis, successCondition: 'result + 1' } },
    ),
    [
      'spec.update.canary.steps[0].setWeight: must be at most 100, not 101',
      'spec.update.canary.steps[1].setCanaryScale.replicas: must be a number without quotes or a part such as 25%, not "5"',
      'spec.update.canary.steps[2].pause.duration: must be at least 1ms, not "0s"',
      'spec.update.canary.steps[3].analysis.prometheus.address: must be an address such as http://prometheus:9090, not "prometheus:9090"',
      'spec.update.canary.steps[3].analysis.successCondition: no value is named "reslt" at 1:1; did you mean result?',
      'spec.update.canary.steps[4].analysis.successCondition: must come to a boolean, not a number',
    ],
  ],
  [
    'BlueGreen with storage',
    'spec.update',
    { strategy: 'BlueGreen' },
    [
      'spec.update.strategy: cannot be BlueGreen with storage: two instances of one ordinal cannot run side by side. Use Rolling, or Canary, which then goes by ordinals',
    ],
  ],
  [
    'a unique BlueGreen',
    'spec',
    { ...serviceManifest().spec, unique: true, update: { strategy: 'BlueGreen' } },
    [
      'spec.update.strategy: cannot be BlueGreen with unique: true: two instances of one ordinal cannot run side by side. Use Rolling, or Canary, which then goes by ordinals',
    ],
  ],
  [
    'one on each node that is unique',
    'spec',
    { ...serviceManifest().spec, unique: true, placement: { strategy: 'perNode' } },
    [
      'spec.unique: cannot act with placement strategy perNode: each node has one that belongs to it and is never replaced elsewhere. Leave one of the two out',
    ],
  ],
  [
    'a Canary on each node',
    'spec',
    { ...serviceManifest().spec, update: canary({ setWeight: 5 }), placement: { strategy: 'perNode' } },
    ['spec.update.strategy: cannot be Canary with placement strategy perNode: use Rolling or Recreate'],
  ],
  [
    'a dependency that is named twice',
    'spec.dependsOn',
    [
      { service: 'db' },
      { service: `${serviceManifest().metadata.namespace ?? 'default'}/db` },
      { service: 'other/db' },
    ],
    ['spec.dependsOn[1].service: must be unique: dependsOn[0] is that service too'],
  ],
  [
    'settings of no BlueGreen',
    'spec.update',
    { blueGreen: { scaleDownDelaySeconds: 1 } },
    ['spec.update.blueGreen: acts with strategy: BlueGreen only, not Rolling'],
  ],
  [
    'a part that is none',
    'spec.update.maxSurge',
    '25 %',
    ['spec.update.maxSurge: must be a number or a part such as 25%, at most 100%, not "25 %"'],
  ],
  [
    'more than all',
    'spec.update.maxUnavailable',
    '101%',
    ['spec.update.maxUnavailable: must be a number or a part such as 25%, at most 100%, not "101%"'],
  ],
  [
    'a quoted count',
    'spec.update.maxSurge',
    '1',
    ['spec.update.maxSurge: must be a number without quotes or a part such as 25%, not "1"'],
  ],
  [
    'a disruption that is no share',
    'spec.disruption',
    { maxUnavailable: '150%' },
    ['spec.disruption.maxUnavailable: must be a number or a part such as 25%, at most 100%, not "150%"'],
  ],
  ['a negative count', 'spec.update.maxSurge', -1, ['spec.update.maxSurge: must be from 0 to 10000, not -1']],
  [
    'no deadline',
    'spec.update.progressDeadline',
    '0s',
    ['spec.update.progressDeadline: must be at least 1ms, not "0s"'],
  ],
  [
    'a grace period of days',
    `${T}.stop`,
    { gracePeriod: '3d' },
    [`${T}.stop.gracePeriod: must be at most 24h, not "3d"`],
  ],
  ['no grace period', `${T}.stop`, { gracePeriod: '0s' }, []],
  ['negative replicas', 'spec.replicas', -1, ['spec.replicas: must be at least 0, not -1']],
  [
    'a protection that systemd has not',
    `${T}.security`,
    { relax: ['ProtectHme'] },
    [
      `${T}.security.relax[0]: must be one of all, DynamicUser, PrivateUsers, PrivateDevices, PrivateTmp, PrivateIPC, PrivateMounts, ProtectSystem, ProtectHome, ProtectProc, ProtectClock, ProtectHostname, ProtectKernelLogs, ProtectKernelModules, ProtectKernelTunables, ProtectControlGroups, RestrictAddressFamilies, RestrictNamespaces, RestrictRealtime, RestrictSUIDSGID, RemoveIPC, LockPersonality, NoNewPrivileges, CapabilityBoundingSet, SystemCallFilter, SystemCallArchitectures, KeyringMode, DevicePolicy, UMask, LimitCORE, not "ProtectHme" [ProtectHome]`,
    ],
  ],
] as const)
  test(`a Service with ${name}`, () => assert.equal(issues(put(serviceManifest(), path, value)), wanted))

test('network none leaves nothing to reach', () => {
  assert.equal(issues(put(serviceManifest(), `${T}.network`, 'none')), [
    `${T}.ports: cannot be reached with network: none`,
    `${T}.readiness.http: cannot reach a program with network: none; use exec`,
    `${T}.liveness.tcp: cannot reach a program with network: none; use exec`,
  ])
  const alone = put(
    put(put(serviceManifest(), `${T}.ports`, undefined), `${T}.liveness`, undefined),
    `${T}.network`,
    'none',
  )
  assert.equal(issues(put(alone, `${T}.readiness`, { exec: { command: ['true'] } })), [])
})

test('a probe of a UDP port', () => {
  const object = put(serviceManifest(), `${T}.ports.0.protocol`, 'UDP')
  assert.equal(issues(object), [`${T}.readiness.http.port: names "http", which is a UDP port; use exec`])
})

test('a group is right as it is', () => assert.equal(issues(groupManifest()), []))

for (const [name, path, value, wanted] of [
  [
    'resources of the group',
    `${T}.resources`,
    { memory: '1Gi' },
    [`${T}.resources: belongs to each program of a group: spec.template.programs[].resources`],
  ],
  [
    'readiness of the group',
    `${T}.readiness`,
    { tcp: { port: 'http' } },
    [`${T}.readiness: belongs to each program of a group: spec.template.programs[].readiness`],
  ],
  [
    'two programs of one name',
    `${T}.programs.1.name`,
    'app',
    [`${T}.programs[1].name: must be unique: programs[0] is named "app" too`],
  ],
  [
    'PORT by hand in a program',
    `${T}.programs.0.env`,
    [{ name: 'PORT', value: '1' }],
    [`${T}.programs[0].env[0].name: is set by nsctl: $PORT is the number of port http`],
  ],
  ['a shared variable said again', `${T}.programs.0.env`, [{ name: 'A', value: 'own' }], []],
  [
    'a probe of an unknown port',
    `${T}.programs.0.readiness`,
    { tcp: { port: 'admin' } },
    [`${T}.programs[0].readiness.tcp.port: names no port: "admin" (ports are http)`],
  ],
] as const)
  test(`a group with ${name}`, () => assert.equal(issues(put(groupManifest(), path, value)), wanted))

test('several faults are told in the order of the document', () => {
  const object = put(
    put(put(serviceManifest(), 'spec.replicas', -1), `${T}.resources.memroy`, '1Gi'),
    'spec.update.maxSurge',
    'x',
  )
  assert.equal(
    issues(object).map((issue) => issue.split(':')[0]),
    ['spec.replicas', `${T}.resources.memroy`, 'spec.update.maxSurge'],
  )
})

test('whatever is in a manifest, validation answers, and the same twice', () => {
  const paths = [
    'spec',
    'spec.template',
    `${T}.source`,
    `${T}.source.command`,
    `${T}.source.command.0`,
    `${T}.env`,
    `${T}.env.0`,
    `${T}.env.1.value`,
    `${T}.ports`,
    `${T}.ports.0`,
    `${T}.ports.1.port`,
    `${T}.resources`,
    `${T}.resources.cpu`,
    `${T}.limits.cpu`,
    `${T}.readiness`,
    `${T}.readiness.http`,
    `${T}.readiness.http.port`,
    `${T}.programs`,
    'spec.storage',
    'spec.storage.0.path',
    'spec.update',
    'spec.update.maxSurge',
    'spec.replicas',
    'metadata',
    'metadata.name',
    'metadata.labels',
    'status',
  ]
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(undefined, 'http', '1', 0, 1.5, -1, '500m', '/a', [], {}),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom(...paths), value), { maxLength: 4 }), (changes) => {
      const object = serviceManifest()
      for (const [path, to] of changes) {
        try {
          put(object, path, clone(to))
        } catch {
          // an earlier change left nothing to put it in
        }
      }
      const filled = service.withDefaults(object)
      const first = JSON.stringify(service.validate(filled))
      const text = JSON.stringify(filled)
      assert.is(service.withDefaults(filled), filled)
      assert.is(JSON.stringify(service.validate(filled)), first)
      assert.is(JSON.stringify(filled), text)
    }),
    { numRuns: 1500 },
  )
})

test.run()
