/** The double of Vault, judged by somebody else's client of it: hvac, in Python. What it understands, and refuses, is what Vault answers. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ManualClock } from '../../../src/core/clock.ts'
import { canFetchDebs, extractDeb } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { FakeVault } from './fake.ts'

const PYTHON = '/usr/bin/python3'
const PACKAGES = ['hvac', 'requests', 'urllib3', 'idna', 'chardet', 'certifi', 'six', 'pyhcl']

/** What a client of Vault does with what this one is to do, as lines of JSON. */
const SCRIPT = `
import json, sys
import hvac

client = hvac.Client(url=sys.argv[1])
kv = client.secrets.kv.v2

def tell(name, run):
    try:
        result = run()
    except Exception as error:
        result = [type(error).__name__, str(error)]
    print(json.dumps([name, result]))

tell('wrong secret id', lambda: client.auth.approle.login('role-1', 'wrong'))
login = client.auth.approle.login(role_id='role-1', secret_id='right')
tell('login', lambda: [login['auth']['lease_duration'], login['auth']['renewable'], client.token == login['auth']['client_token']])
tell('newest', lambda: kv.read_secret_version('shop/db')['data'])
tell('first', lambda: kv.read_secret_version('shop/db', version=1)['data']['data'])
tell('deleted', lambda: kv.read_secret_version('shop/db', version=2))
tell('none', lambda: kv.read_secret_version('shop/none'))
tell('private', lambda: kv.read_secret_version('private'))
tell('look', lambda: [client.auth.token.lookup_self()['data'][key] for key in ('ttl', 'renewable', 'num_uses')])
tell('renew', lambda: client.auth.token.renew_self()['auth']['lease_duration'])
client.token = 'none'
tell('unknown token', lambda: kv.read_secret_version('shop/db'))
`

async function talk(address: string): Promise<ReadonlyMap<string, unknown>> {
  const folders: string[] = []
  for (const name of PACKAGES)
    folders.push(join(await extractDeb('bookworm', `python3-${name}`), 'usr/lib/python3/dist-packages'))
  const child = spawn(PYTHON, ['-c', SCRIPT, address], {
    env: { PYTHONPATH: folders.join(':'), PYTHONDONTWRITEBYTECODE: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  for await (const data of child.stdout) output += data
  return new Map(
    output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as [string, unknown]),
  )
}

needs(
  test,
  canFetchDebs() && existsSync(PYTHON),
  'Debian’s packages and Python',
)('a foreign client understands the double, and is refused by it where Vault refuses', async () => {
  const vault = await new FakeVault({ clock: new ManualClock() }).start()
  try {
    for (const value of ['one', 'two', 'three']) vault.write('secret/data/shop/db', JSON.stringify({ value }))
    vault.delete('secret/data/shop/db', 2)
    const reads = ['secret/data/shop/db', 'secret/data/shop/none']
    vault.role('auth/approle', 'role-1', { secretId: 'right', grants: { reads, ttl: 1200 } })
    const said = await talk(vault.address)
    const newest = said.get('newest') as { data: unknown; metadata: { version: number } }
    assert.equal(newest.data, { value: 'three' })
    assert.is(newest.metadata.version, 3)
    assert.equal(said.get('first'), { value: 'one' })
    assert.equal(said.get('login'), [1200, true, true])
    assert.equal(said.get('look'), [1200, true, 0])
    assert.is(said.get('renew'), 1200)
    for (const [name, error] of [
      ['wrong secret id', 'InvalidRequest'],
      ['deleted', 'InvalidPath'],
      ['none', 'InvalidPath'],
      ['private', 'Forbidden'],
      ['unknown token', 'Forbidden'],
    ] as const)
      assert.is((said.get(name) as readonly string[])[0], error, name)
    assert.equal(vault.faults, [])
  } finally {
    await vault.stop()
  }
})

test.run()
