import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openShop, service } from './shop.ts'

const apiVersion = 'nsctl.dev/v1alpha1'
const config = (data: object, name = 'app') => ({
  apiVersion,
  kind: 'Config',
  metadata: { name },
  spec: { data },
})
const text = (...objects: object[]) =>
  objects.map((object) => JSON.stringify({ apiVersion, ...object })).join('\n---\n')
const takes = (configs: readonly object[]) => ({
  template: { source: { command: ['true'] }, configs },
})

async function shopWith(...objects: object[]) {
  const shop = await openShop()
  const ran = await shop.run(['apply', '-f', '-'], { stdin: text(...objects) })
  assert.is(ran.code, 0, ran.stderr)
  return shop
}

test('diff counts the instances that a Config which changes would replace', async () => {
  const shop = await shopWith(
    config({ a: '1' }),
    config({ a: '1' }, 'other'),
    service('web', { replicas: 3, ...takes([{ name: 'app' }]) }),
    service('live', { replicas: 5, ...takes([{ name: 'app', onChange: 'reload' }]) }),
    service('apart', { replicas: 7, ...takes([{ name: 'other' }]) }),
  )
  const ran = await shop.run(['diff', '-f', '-'], { stdin: text(config({ a: '2' })) })
  assert.is(ran.code, 1, ran.stderr)
  assert.match(ran.stdout, /\n1 config changes: 3 instances would be replaced, 1 at a time\n$/)
  const labels = text({ ...config({ a: '1' }), metadata: { name: 'app', labels: { x: 'y' } } })
  const same = await shop.run(['diff', '-f', '-'], { stdin: labels })
  assert.match(same.stdout, /\n1 config changes: no instance would be replaced\n$/)
})

test('apply warns of Secrets as variables, once and for all that it applies', async () => {
  const shop = await openShop()
  const env = [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'db', key: 'token' } } }]
  const stdin = text(
    ...['a', 'b'].map((name) => service(name, { template: { source: { command: ['x'] }, env } })),
  )
  const first = await shop.run(['apply', '-f', '-'], { stdin })
  assert.is(first.code, 0, first.stderr)
  const warnings = (stderr: string) => stderr.split('\n').filter((line) => line.startsWith('warning:'))
  assert.equal(warnings(first.stderr), [
    'warning: 2 services take Secrets as variables, which everything they start sees: service/a (TOKEN), service/b (TOKEN); files are safer: nsctl explain service.spec.template.secrets',
  ])
  assert.equal(warnings((await shop.run(['apply', '-f', '-'], { stdin })).stderr), [])
})

test('an immutable Config refuses what apply, edit and patch want of it', async () => {
  const shop = await shopWith({ ...config({ a: '1' }), spec: { data: { a: '1' }, immutable: true } })
  const refused =
    'spec.data: cannot be changed: the Config is immutable; make one of another name and use that'
  const patch = await shop.run(['patch', 'cfg', 'app', '-p', '{"spec":{"data":{"a":"2"}}}'])
  assert.is(patch.code, 2)
  assert.match(patch.stderr, `error: config/app: ${refused}\n`)
  const again = { ...config({}), spec: { data: { a: '2' }, immutable: true } }
  const apply = await shop.run(['apply', '-f', '-'], { stdin: text(again) })
  assert.is(apply.code, 2)
  assert.match(apply.stderr, refused)
})

test('what describes kinds knows Config and Secret', async () => {
  const shop = await shopWith(config({ LOG_LEVEL: 'info' }), service('web', takes([{ name: 'app' }])))
  const describe = await shop.run(['describe', 'cfg', 'app'])
  assert.match(describe.stdout, /^Used by +service\/web +files \(on change restart\)$/m)
  const resources = (await shop.run(['api-resources'])).stdout
  for (const line of [/^configs +cfg +/m, /^secrets +sec +/m, /^recipients +/m]) assert.match(resources, line)
  const explained = await shop.run(['explain', 'service.spec.template.secrets'])
  assert.match(explained.stdout, 'They lie in memory')
  const sealed = await shop.run(['explain', 'secret.spec.sealed'])
  assert.match(sealed.stdout, 'by key')
  assert.match((await shop.run(['get', 'cfg'])).stdout, /^NAME +KEYS +IMMUTABLE +USED-BY +AGE/)
})

test.run()
