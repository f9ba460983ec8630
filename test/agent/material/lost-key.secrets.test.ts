/** A node that has lost its key: what runs goes on, nothing is sealed to the new one until it is trusted, and then all goes on as before. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome } from '../../commands/nsctl.ts'
import { Running, until } from '../../daemon/processes.ts'

const home = createHome()
let daemon: Running
const up = async () => {
  daemon = await new Running(home, ['up', '--runtime', 'process']).says(/Ctrl-C/)
}
const meta = (kind: string, name: string) => ({ apiVersion: 'nsctl.dev/v1alpha1', kind, metadata: { name } })
const secret = (value: string) => ({ ...meta('Secret', 'db'), stringData: { value } })
const service = {
  ...meta('Service', 'web'),
  spec: {
    template: {
      source: {
        command: ['/bin/sh', '-c', 'cat "$CREDENTIALS_DIRECTORY/db.value"; exec sleep 1000'],
        workingDir: '/',
      },
      secrets: [{ name: 'db' }],
      stop: { gracePeriod: '1s' },
    },
  },
}

async function nsctl(args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await home.run(args, stdin === undefined ? {} : { stdin })
  assert.is(code, 0, `nsctl ${args.join(' ')}: ${stderr}${stdout}`)
  return stdout
}
const apply = (one: object) => nsctl(['apply', '-f', '-'], JSON.stringify(one))
const list = async (plural: string) => JSON.parse(await nsctl(['get', plural, '-o', 'json'])).items

// biome-ignore lint/suspicious/noExplicitAny: conditions are read as the test expects them
const condition = (object: any, type: string) =>
  // biome-ignore lint/suspicious/noExplicitAny: as above
  object.status?.conditions?.find((one: any) => one.type === type)

const runsWith = (value: string) =>
  until(async () => {
    const [instance, ...others] = await list('instances')
    assert.is(others.length, 0)
    assert.is(instance.status?.phase, 'Running')
    assert.is((await nsctl(['logs', 'web'])).trim(), value)
    return instance
  })

test('keeps what runs, asks to be trusted, and goes on once it is', async () => {
  await up()
  await apply(secret('one'))
  await apply(service)
  const before = await runsWith('one')
  await daemon.stop()
  rmSync(join(home.state, 'process', 'node-identity'))
  await up()
  const node = await until(async () => {
    const [found] = await list('nodes')
    assert.is(condition(found, 'IdentityVerified').status, 'False')
    return found
  })
  assert.is.not(node.status.recipient, node.spec.recipient)
  const remedy = `nsctl node trust ${node.metadata.name}`
  assert.match(condition(node, 'IdentityVerified').message, remedy)
  assert.match(daemon.output, 'this node cannot be given Secrets')
  assert.is((await runsWith('one')).status.pid, before.status.pid)

  await apply(secret('two'))
  const refused = await until(async () => {
    const delivered = condition((await list('secrets'))[0], 'Delivered')
    assert.is(delivered.status, 'False')
    return delivered
  })
  assert.match(refused.message, remedy)
  await until(async () => assert.match((await list('services'))[0].status.summary, 'waits for secret/'))
  assert.is(
    (await runsWith('one')).status.pid,
    before.status.pid,
    'what runs stays, and nothing is made beside it',
  )

  await nsctl(remedy.split(' ').slice(1))
  await runsWith('two')
  await until(async () => assert.is(condition((await list('nodes'))[0], 'IdentityVerified').status, 'True'))
})

test.after(async () => {
  await daemon?.stop()
  await home.run(['down', '--purge'])
  home.remove()
})
test.run()
