/** What docs/secrets.md says of recovery without nsctl: ciphertext of the store, an identity file and the age command are enough. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root } from '../commands/nsctl.ts'
import { type AgeCommand, ageCommand } from '../lab/age.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'

const home = createHome()
const operator = join(home.folder, 'operator')
let age: AgeCommand
test.before(async () => {
  if (canFetchDebs()) age = await ageCommand()
  cpSync(join(root, 'examples/secrets'), join(home.folder, 'secrets'), { recursive: true })
})
test.after(() => home.remove())
const withAge = needs(test, canFetchDebs(), 'the age command')

async function nsctl(...argv: string[]): Promise<string> {
  const { code, stdout, stderr } = await home.run(argv, { env: { NSCTL_IDENTITY: operator } })
  assert.is(code, 0, `nsctl ${argv.join(' ')}\n${stdout}${stderr}`)
  return stdout
}

const BINARY = Buffer.from([0, 10, 255, 10, 10, 13, 0])

withAge("age opens what is stored with the operator's identity and with the control plane's", async () => {
  await nsctl('apply', '-f', 'secrets')
  writeFileSync(join(home.folder, 'binary'), BINARY)
  await nsctl('secret', 'create', 'blob', '--from-file', 'key=binary')
  for (const [secret, key, value] of [
    ['door', 'password', Buffer.from('open sesame')],
    ['blob', 'key', BINARY],
  ] as const) {
    const path = `jsonpath={.spec.sealed.${key}}`
    const sealed = await nsctl('get', 'secret', secret, '-o', `${path.slice(0, -1)}.age}`)
    const version = await nsctl('get', 'secret', secret, '-o', `${path.slice(0, -1)}.version}`)
    for (const identity of [operator, join(home.state, 'identity')]) {
      const opened = age.age(['-d', '-i', identity], sealed)
      const head = `nsctl.dev/secret/v1 default/${secret} ${key} ${version}\n`
      assert.is(opened.subarray(0, head.length).toString(), head)
      assert.equal(opened.subarray(head.length), value)
    }
  }
})

withAge('an export brings ciphertext back, and no identity is in it', async () => {
  const file = join(home.folder, 'shop.export')
  await nsctl('store', 'export', file)
  const other = `sqlite:${join(home.folder, 'other.db')}`
  await nsctl('--store', other, 'store', 'import', file)
  const sealed = await nsctl(
    '--store',
    other,
    'get',
    'secret',
    'door',
    '-o',
    'jsonpath={.spec.sealed.password.age}',
  )
  assert.match(age.age(['-d', '-i', operator], sealed).toString(), /\nopen sesame$/)
  const exported = readFileSync(file, 'latin1')
  for (const open of ['AGE-SECRET-KEY', 'sesame']) assert.is(exported.includes(open), false)
})

test.run()
