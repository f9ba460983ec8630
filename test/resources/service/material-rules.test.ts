import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import type { AnyResource } from '../../../src/resources/object.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'
import { groupManifest, put, serviceManifest } from '../fixtures.ts'

const service = createKindRegistry().byKind('Service')
await service.prepare()

function issues(object: AnyResource): string[] {
  return service
    .validate(service.withDefaults(object))
    .map(({ path, message }) => `${formatPath(path)}: ${message}`)
}

const T = 'spec.template'
const ref = { name: 'db', key: 'password' }
const from = (valueFrom: object, more: object = {}) => [{ name: 'DB_PASSWORD', valueFrom, ...more }]

for (const [name, path, value, wanted] of [
  ['a variable from a Secret', `${T}.env`, from({ secretKeyRef: ref }), []],
  ['a variable from a Config', `${T}.env`, from({ configKeyRef: { ...ref, optional: true } }), []],
  [
    'a variable from nowhere',
    `${T}.env`,
    from({}),
    [`${T}.env[0].valueFrom: needs one of configKeyRef and secretKeyRef`],
  ],
  [
    'a variable from two',
    `${T}.env`,
    from({ secretKeyRef: ref, configKeyRef: ref }),
    [`${T}.env[0].valueFrom.secretKeyRef: cannot stand beside configKeyRef: give one of the two`],
  ],
  [
    'a variable with a value and an origin',
    `${T}.env`,
    from({ secretKeyRef: ref }, { value: 'x' }),
    [`${T}.env[0].valueFrom: cannot stand beside value: give one of the two`],
  ],
  [
    'a key that is no name of a file',
    `${T}.env`,
    from({ secretKeyRef: { name: 'db', key: '..' } }),
    [`${T}.env[0].valueFrom.secretKeyRef.key: cannot be "..": no key is called that`],
  ],
  [
    'a key with a blank',
    `${T}.env`,
    from({ secretKeyRef: { name: 'db', key: 'pass word' } }),
    [`${T}.env[0].valueFrom.secretKeyRef.key: must be a key (letters, digits, -, _ and .), not "pass word"`],
  ],
  [
    'a Secret with a name that none has',
    `${T}.env`,
    from({ secretKeyRef: { name: 'DB', key: 'a' } }),
    [
      `${T}.env[0].valueFrom.secretKeyRef.name: must be a name (lower-case letters, digits, - and ., starting and ending with a letter or digit), not "DB"`,
    ],
  ],
  ['all of a Config as variables', `${T}.envFrom`, [{ configRef: { name: 'app' }, prefix: 'APP_' }], []],
  ['variables from nowhere', `${T}.envFrom`, [{}], [`${T}.envFrom[0]: needs one of configRef and secretRef`]],
  [
    'variables from two',
    `${T}.envFrom`,
    [{ configRef: { name: 'a' }, secretRef: { name: 'a' } }],
    [`${T}.envFrom[0].secretRef: cannot stand beside configRef: give one of the two`],
  ],
  [
    "a prefix of nsctl's own",
    `${T}.envFrom`,
    [{ configRef: { name: 'a' }, prefix: 'nsctl__' }],
    [`${T}.envFrom[0].prefix: cannot begin with nsctl__: such names are nsctl's own`],
  ],
  [
    'CREDENTIALS_DIRECTORY by hand',
    `${T}.env`,
    [{ name: 'CREDENTIALS_DIRECTORY', value: '/x' }],
    [`${T}.env[0].name: is set by nsctl: $CREDENTIALS_DIRECTORY is the directory with the files of Secrets`],
  ],
  [
    'a variable like that of a Config that is not there',
    `${T}.env`,
    [{ name: 'CONFIG_APP', value: '1' }],
    [],
  ],

  ['files', `${T}.secrets`, [{ name: 'db' }, { name: 'tls', items: [{ key: 'tls.crt', as: 'crt' }] }], []],
  [
    'a Secret twice',
    `${T}.secrets`,
    [{ name: 'db' }, { name: 'db', items: [{ key: 'a' }] }],
    [`${T}.secrets[1].name: must be unique: secrets[0] is named "db" too`],
  ],
  [
    'a Config twice',
    `${T}.configs`,
    [{ name: 'app' }, { name: 'app' }],
    [`${T}.configs[1].name: must be unique: configs[0] is named "app" too`],
  ],
  [
    'two Configs with one variable',
    `${T}.configs`,
    [{ name: 'app.a' }, { name: 'app-a' }],
    [`${T}.configs[1].name: would be $CONFIG_APP_A, as configs[0] (app.a) is`],
  ],
  [
    'two files of one name in different Secrets',
    `${T}.secrets`,
    [
      { name: 'a', items: [{ key: 'password', as: 'pw' }] },
      { name: 'b', items: [{ key: 'password', as: 'pw' }] },
    ],
    [`${T}.secrets[1].items[0].as: must be unique: secrets[0].items[0] is the file "pw" too`],
  ],
  [
    'a name that another key has by itself',
    `${T}.secrets`,
    [
      { name: 'a', items: [{ key: 'b.c' }] },
      { name: 'x', items: [{ key: 'y', as: 'a.b.c' }] },
    ],
    [`${T}.secrets[1].items[0].as: must be unique: secrets[0].items[0] is the file "a.b.c" too`],
  ],
  [
    'a name that a key of a whole Secret could have',
    `${T}.secrets`,
    [{ name: 'db' }, { name: 'x', items: [{ key: 'y', as: 'db.password' }] }],
    [
      `${T}.secrets[1].items[0].as: could be a key of secret db, all of whose keys are files: choose another name`,
    ],
  ],
  [
    'one key under one name twice',
    `${T}.configs`,
    [{ name: 'app', items: [{ key: 'a' }, { key: 'b', as: 'a' }] }],
    [`${T}.configs[0].items[1].as: must be unique: configs[0].items[0] is the file "a" too`],
  ],
  [
    'the same file names in two Configs',
    `${T}.configs`,
    [
      { name: 'a', items: [{ key: 'x' }] },
      { name: 'b', items: [{ key: 'x' }] },
    ],
    [],
  ],
  [
    'a file that is called ..',
    `${T}.configs`,
    [{ name: 'app', items: [{ key: 'a', as: '..' }] }],
    [`${T}.configs[0].items[0].as: cannot be "..": no file is called that`],
  ],
  [
    'a file name that is too long',
    `${T}.secrets`,
    [{ name: 'n'.repeat(200), items: [{ key: 'k'.repeat(100) }] }],
    [
      `${T}.secrets[0].items[0].key: makes a file name of 301 characters, more than 255; give a shorter one with as`,
    ],
  ],

  ['a place beneath /etc', `${T}.configs`, [{ name: 'app', path: '/etc/web' }], []],
  [
    'a place that hides /etc',
    `${T}.configs`,
    [{ name: 'app', path: '/etc' }],
    [`${T}.configs[0].path: would hide /etc from the program; choose a directory beneath it`],
  ],
  [
    'a relative place',
    `${T}.configs`,
    [{ name: 'app', path: 'etc' }],
    [`${T}.configs[0].path: must be an absolute path below /, not "etc"`],
  ],
  [
    'a Config and a Secret at one place',
    `${T}`,
    {
      source: { command: ['node'] },
      configs: [{ name: 'app', path: '/etc/web' }],
      secrets: [{ name: 'db', path: '/etc/web' }],
    },
    [`${T}.secrets[0].path: must be unique: configs[0] is seen at /etc/web too`],
  ],
  [
    'a place in storage',
    `${T}.secrets`,
    [{ name: 'db', path: '/var/lib/web/secrets' }],
    [`${T}.secrets[0].path: must not be in storage[0] (/var/lib/web)`],
  ],
  [
    'a place around storage',
    `${T}.configs`,
    [{ name: 'app', path: '/var/lib' }],
    [`${T}.configs[0].path: must not hold storage[0] (/var/lib/web)`],
  ],
] as const)
  test(`a Service with ${name}`, () => assert.equal(issues(put(serviceManifest(), path, value)), wanted))

test('$CONFIG_<NAME> by hand', () => {
  const object = put(serviceManifest(), `${T}.configs`, [{ name: 'app.web-1' }])
  assert.equal(issues(put(object, `${T}.env`, [{ name: 'CONFIG_APP_WEB_1', value: '1' }])), [
    `${T}.env[0].name: is set by nsctl: $CONFIG_APP_WEB_1 is the directory with the files of config app.web-1`,
  ])
})

test('programs of a group have variables of their own, and share files', () => {
  const right = put(groupManifest(), `${T}.programs.0.env`, from({ secretKeyRef: ref }))
  assert.equal(issues(put(right, `${T}.secrets`, [{ name: 'db' }])), [])
  const wrong = put(groupManifest(), `${T}.programs.1.env`, from({}))
  assert.equal(issues(put(wrong, `${T}.programs.0.envFrom`, [{}])), [
    `${T}.programs[0].envFrom[0]: needs one of configRef and secretRef`,
    `${T}.programs[1].env[0].valueFrom: needs one of configKeyRef and secretKeyRef`,
  ])
  assert.equal(issues(put(groupManifest(), `${T}.programs.0.secrets`, [{ name: 'db' }])), [
    `${T}.programs[0].secrets: unknown field`,
  ])
})

test.run()
