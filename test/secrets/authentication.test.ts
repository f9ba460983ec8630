import { inspect } from 'node:util'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import type { ServiceTemplate } from '../../src/resources/generated/types.ts'
import type { AuthenticationSpec } from '../../src/resources/triggerauthentication/manifest-type.ts'
import { resolveAuthentication } from '../../src/secrets/authentication.ts'
import { targetVariable } from '../../src/secrets/target-environment.ts'
import { SecretValueError, type ValueResolver, type ValueSource } from '../../src/secrets/values.ts'
import { CREDENTIAL } from './external-contract.ts'
import { FakeSource } from './external-fake.ts'

const PLANTED = 'planted-77af'
const signal = new AbortController().signal

/** Secrets and Configs by `namespace/name key`, and the control plane's own variables. */
const VALUES: Readonly<Record<string, string>> = {
  'default/redis password': `${PLANTED}\n`,
  'default/settings address': 'redis:6379',
  'nsctl/redis password': `${PLANTED}-of-nsctl`,
  'default/vault token': CREDENTIAL,
  NSCTL_VALUE_HOST: 'from the control plane',
}

const values: ValueResolver = {
  async resolve(source: ValueSource, namespace: string) {
    if ('value' in source) return bytes(source.value)
    if ('env' in source) {
      if (!source.env.startsWith('NSCTL_VALUE_')) throw new SecretValueError('NotAllowed', 'not to be named')
      const found = VALUES[source.env]
      if (found === undefined) throw new SecretValueError('MissingVariable', `there is no ${source.env}`)
      return bytes(found)
    }
    const ref = 'secretKeyRef' in source ? source.secretKeyRef : source.configKeyRef
    const found = VALUES[`${namespace}/${ref.name} ${ref.key}`]
    if (found === undefined)
      throw new SecretValueError('MissingSecret', `there is no ${namespace}/${ref.name}`)
    return bytes(found)
  },
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

function resolve(spec: AuthenticationSpec, { namespace = 'default', source = new FakeSource() } = {}) {
  const variable = async (name: string, container: string | undefined) =>
    name === 'ADDRESS' ? `of the target${container === undefined ? '' : ` ${container}`}` : undefined
  return resolveAuthentication(spec, namespace, { values, variable, vault: async () => source }, signal)
}

test('parameters come from Secrets, Configs and variables, and of one name the last counts', async () => {
  const spec: AuthenticationSpec = {
    secretTargetRef: [{ parameter: 'password', name: 'redis', key: 'password' }],
    configMapTargetRef: [
      { parameter: 'password', name: 'settings', key: 'address' },
      { parameter: 'address', name: 'settings', key: 'address' },
    ],
    env: [
      { parameter: 'address', name: 'ADDRESS' },
      { parameter: 'username', name: 'ADDRESS', containerName: 'side' },
      { parameter: 'host', name: 'NSCTL_VALUE_HOST' },
    ],
  }
  assert.equal(await resolve(spec), {
    address: 'redis:6379',
    username: 'of the target side',
    host: 'from the control plane',
    password: PLANTED,
  })
})

test("what a cluster's names is in another namespace", async () => {
  const spec = { secretTargetRef: [{ parameter: 'password', name: 'redis', key: 'password' }] }
  assert.equal(await resolve(spec, { namespace: 'nsctl' }), { password: `${PLANTED}-of-nsctl` })
})

test('parameters come from Vault, with a token of a Secret, and the path is as KEDA writes it', async () => {
  const source = new FakeSource()
  source.put('queue', { password: PLANTED })
  const hashiCorpVault = {
    address: 'http://127.0.0.1:8200',
    authentication: 'token' as const,
    credential: { tokenFrom: { name: 'vault', key: 'token' } },
    secrets: [{ parameter: 'password', path: 'secret/data/queue', key: 'password' }],
  }
  assert.equal(await resolve({ hashiCorpVault }, { source }), { password: PLANTED })
  assert.equal(source.asked, ['queue'])
})

const FAILING: readonly (readonly [name: string, spec: AuthenticationSpec, message: RegExp])[] = [
  [
    'a Secret that there is not',
    { secretTargetRef: [{ parameter: 'password', name: 'gone', key: 'a' }] },
    /^parameter password: there is no default\/gone/,
  ],
  [
    'a variable that the target has not',
    { env: [{ parameter: 'host', name: 'HOME' }] },
    /^parameter host: the target has no variable HOME/,
  ],
  ['a way that there is not here', { podIdentity: { provider: 'aws' } }, /^podIdentity cannot act here/],
  [
    'a login that there is not here',
    { hashiCorpVault: { address: 'http://v', authentication: 'kubernetes', secrets: [] } },
    /kubernetes cannot act here/,
  ],
  [
    'a Vault without a token',
    {
      hashiCorpVault: {
        address: 'http://v',
        authentication: 'token',
        secrets: [{ parameter: 'p', path: 'secret/data/a', key: 'b' }],
      },
    },
    /^parameter p: /,
  ],
  [
    'a path that is none',
    {
      hashiCorpVault: {
        address: 'http://v',
        authentication: 'token',
        credential: { token: PLANTED },
        secrets: [{ parameter: 'p', path: 'secret', key: 'b' }],
      },
    },
    /^parameter p: "secret" is no path in Vault/,
  ],
]
for (const [name, spec, message] of FAILING)
  test(`it says which parameter is not to be had: ${name}`, async () => {
    try {
      await resolve(spec)
      assert.unreachable('it was to be had')
    } catch (error) {
      assert.ok(isNsctlError(error), String(error))
      assert.match(error.message, message)
      assert.not.match(inspect(error, { depth: 9 }), PLANTED)
    }
  })

const TEMPLATE = {
  source: { command: ['x'] },
  env: [
    { name: 'PLAIN', value: 'plain' },
    { name: 'SECRET', valueFrom: { secretKeyRef: { name: 'redis', key: 'password', optional: false } } },
    { name: 'LOST', valueFrom: { secretKeyRef: { name: 'gone', key: 'a', optional: false } } },
    { name: 'MAYBE', valueFrom: { configKeyRef: { name: 'gone', key: 'a', optional: true } } },
  ],
  envFrom: [{ prefix: 'APP_', configRef: { name: 'settings', optional: false } }],
} as unknown as ServiceTemplate
const GROUP = {
  env: [{ name: 'A', value: 'shared' }],
  programs: [
    { name: 'app', source: { command: ['x'] } },
    { name: 'side', source: { command: ['x'] }, env: [{ name: 'A', value: 'own' }] },
  ],
} as unknown as ServiceTemplate

for (const [name, template, container, want] of [
  ['PLAIN', TEMPLATE, undefined, 'plain'],
  ['SECRET', TEMPLATE, undefined, `${PLANTED}\n`],
  ['MAYBE', TEMPLATE, undefined, undefined],
  ['APP_address', TEMPLATE, undefined, 'redis:6379'],
  ['APP_other', TEMPLATE, undefined, undefined],
  ['OTHER', TEMPLATE, undefined, undefined],
  ['A', GROUP, undefined, 'shared'],
  ['A', GROUP, 'side', 'own'],
  ['A', GROUP, 'nobody', undefined],
  ['A', undefined, undefined, undefined],
] as const)
  test(`the target's variable ${name} of ${container ?? 'its first program'} is ${want?.trim()}`, async () => {
    assert.is(await targetVariable(name, { template, container, namespace: 'default' }, values), want)
  })

test('a variable whose Secret is not there is not to be had', async () => {
  try {
    await targetVariable('LOST', { template: TEMPLATE, container: undefined, namespace: 'default' }, values)
    assert.unreachable('it was to be had')
  } catch (error) {
    assert.ok(error instanceof SecretValueError && error.reason === 'MissingSecret')
  }
})

test.run()
