import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { formatPath } from '../../../src/core/json.ts'
import { createKindRegistry } from '../../../src/resources/registry.ts'

const kinds = createKindRegistry()
const SECRETS = [{ parameter: 'password', path: 'secret/data/queue', key: 'password' }]
const FROM = { tokenFrom: { name: 'vault', key: 'token' } }
const vault = (more: object) => ({
  hashiCorpVault: {
    address: 'https://vault:8200',
    authentication: 'token',
    credential: FROM,
    secrets: SECRETS,
    ...more,
  },
})

async function judge(spec: object, kindName = 'TriggerAuthentication') {
  const kind = kinds.byApiVersion('keda.sh/v1alpha1', kindName)
  assert.ok(kind)
  await kind.prepare()
  const metadata = { name: 'a', ...(kindName === 'TriggerAuthentication' && { namespace: 'default' }) }
  const object = kind.withDefaults({ apiVersion: kind.apiVersion, kind: kindName, metadata, spec })
  const issues = kind.validate(object).map(({ path, message }) => `${formatPath(path)}: ${message}`)
  return { issues, warnings: issues.length === 0 ? kind.warnings(object) : [] }
}

test('what acts is accepted without a word, for a namespace and for all', async () => {
  const spec = {
    secretTargetRef: [{ parameter: 'password', name: 'redis', key: 'password' }],
    configMapTargetRef: [{ parameter: 'address', name: 'settings', key: 'address' }],
    env: [{ parameter: 'username', name: 'USER_NAME', containerName: 'app' }],
    podIdentity: { provider: 'none' },
    ...vault({}),
  }
  for (const kind of ['TriggerAuthentication', 'ClusterTriggerAuthentication'])
    assert.equal(await judge(spec, kind), { issues: [], warnings: [] })
})

for (const [name, spec, issue] of [
  [
    'no key',
    { secretTargetRef: [{ parameter: 'a', name: 'b' }] },
    'spec.secretTargetRef[0].key: is required',
  ],
  ['an unknown way', { secretTargetRefs: [] }, 'spec.secretTargetRefs: unknown field'],
  ['a Vault that gives nothing', vault({ secrets: [] }), 'spec.hashiCorpVault.secrets: must not be empty'],
  [
    'two tokens',
    vault({ credential: { ...FROM, token: 't' } }),
    'spec.hashiCorpVault.credential.token: must not stand beside tokenFrom',
  ],
] as const)
  test(`a TriggerAuthentication is refused with ${name}`, async () => {
    assert.equal((await judge(spec)).issues, [issue])
  })

for (const [name, spec, warning] of [
  [
    'another platform',
    { podIdentity: { provider: 'aws' } },
    'spec.podIdentity cannot act here: scalers that use it say so',
  ],
  ['another way', { azureKeyVault: {} }, 'spec.azureKeyVault cannot act here'],
  [
    'a login that there is not',
    vault({ authentication: 'kubernetes' }),
    'spec.hashiCorpVault.authentication: kubernetes cannot act here',
  ],
  ['no token', vault({ credential: {} }), 'there is no token: give tokenFrom'],
  ['a token in the clear', vault({ credential: { token: 't' } }), 'is a secret in the clear: use tokenFrom'],
  ['an open address', vault({ address: 'http://vault:8200' }), 'spec.hashiCorpVault.address is http'],
  [
    'certificates',
    vault({ secrets: [{ ...SECRETS[0], type: 'pki' }] }),
    'spec.hashiCorpVault.secrets[0].type: pki cannot act here',
  ],
] as const)
  test(`a TriggerAuthentication is accepted with a warning of ${name}`, async () => {
    const { issues, warnings } = await judge(spec)
    assert.equal(issues, [])
    assert.ok(warnings.length === 1 && warnings[0]?.includes(warning), JSON.stringify(warnings))
  })

test.run()
