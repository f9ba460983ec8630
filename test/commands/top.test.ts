import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { AnyResource } from '../../src/resources/object.ts'
import type { NodeUsage, Used } from '../../src/telemetry/scrape/usage.ts'
import { openShop, type Shop, service } from './shop.ts'

const MIB = 2 ** 20

function said(machine: Used, instances: Readonly<Record<string, Used>> = {}): NodeUsage {
  return { atMs: 0, windowMs: 1_000, machine, instances: new Map(Object.entries(instances)) }
}

async function addNode(shop: Shop, name: string, more: object = {}): Promise<void> {
  await shop.api.ensure({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Node',
    metadata: { name, labels: { zone: name } },
    spec: {},
  } as AnyResource)
  const status = {
    phase: 'Ready',
    capacity: { cpu: '4', memory: '8Gi' },
    allocatable: { cpu: '2', memory: '4Gi' },
  }
  await shop.setStatus('Node', name, { ...status, ...more })
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

test('top nodes shows shares of what is allocatable, pressure, and why a node is unknown', async () => {
  const shop = await openShop()
  const pressed = {
    type: 'DiskPressure',
    status: 'True',
    reason: 'DiskShort',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  }
  await addNode(shop, 'alpha')
  await addNode(shop, 'beta', { conditions: [pressed] })
  await addNode(shop, 'gamma')
  shop.setUsage('alpha', said({ cpuMillis: 250, memoryBytes: 1024 * MIB }))
  shop.setUsage('beta', said({ cpuMillis: 1_900, memoryBytes: 100 * MIB }))
  shop.setUsage('gamma', { trouble: 'it is not heard of' })
  const run = async (text: string) => shop.run(['top', ...text.split(' ')])
  assert.equal(lines((await run('nodes')).stdout), [
    'NAME    CPU(cores)   CPU%        MEMORY(bytes)   MEMORY%',
    'alpha   250m         13%         1Gi             25%',
    'beta    1900m        95%         100Mi           2%          DiskPressure',
    'gamma   <unknown>    <unknown>   <unknown>       <unknown>   it is not heard of',
  ])
  assert.equal(
    lines((await run('nodes --sort-by cpu --no-headers --show-capacity')).stdout).map((line) =>
      line.split(/ +/),
    ),
    [
      ['beta', '1900m', '48%', '100Mi', '1%', 'DiskPressure'],
      ['alpha', '250m', '6%', '1Gi', '13%'],
      ['gamma', '<unknown>', '<unknown>', '<unknown>', '<unknown>', 'it', 'is', 'not', 'heard', 'of'],
    ],
  )
  shop.asked.length = 0
  assert.match((await run('no -l zone=beta --no-headers')).stdout, /^beta .*\n$/)
  assert.equal(shop.asked, [['beta']], 'nobody else is asked')
  assert.equal(JSON.parse((await run('node alpha gamma -o json')).stdout).items, [
    {
      node: 'alpha',
      pressures: [],
      cpuMillis: 250,
      memoryBytes: 1024 * MIB,
      cpuPercent: 13,
      memoryPercent: 25,
    },
    { node: 'gamma', pressures: [], trouble: 'it is not heard of' },
  ])
})

test('top instances shows shares of what each asks for, and nothing for who says nothing', async () => {
  const shop = await openShop()
  await addNode(shop, 'here')
  const asks = { resources: { cpu: '100m', memory: '128Mi' } }
  const a = await shop.addInstance('web', 0, 'aaaaa', { app: 'web' }, asks)
  const b = await shop.addInstance('web', 1, 'bbbbb', { app: 'web' }, asks)
  const c = await shop.addInstance('db', 0, 'ccccc')
  const d = await shop.addInstance('db', 1, 'ddddd')
  await shop.setStatus('Instance', d, { phase: 'Backoff' })
  const e = await shop.addInstance('gone', 0, 'eeeee')
  await shop.setStatus('Instance', e, { phase: 'Unknown' })
  shop.setUsage(
    'here',
    said(
      {},
      {
        [`default/${a}`]: { cpuMillis: 150, memoryBytes: 122 * MIB },
        [`default/${c}`]: { memoryBytes: MIB },
      },
    ),
  )
  const run = async (text: string) => shop.run(['top', ...text.split(' ')])
  assert.equal(lines((await run('pods')).stdout), [
    'NAME           NODE   CPU(cores)   CPU%        MEMORY(bytes)   MEMORY%',
    'db-0-ccccc     here   <unknown>    <unknown>   1Mi             -',
    'gone-0-eeeee   here   <unknown>    <unknown>   <unknown>       <unknown>   here does not tell of it',
    'web-0-aaaaa    here   150m         150%        122Mi           95%',
    'web-1-bbbbb    here   <unknown>    <unknown>   <unknown>       <unknown>   here does not tell of it',
  ])
  assert.match((await run('inst web-0 --no-headers')).stdout, /^web-0-aaaaa .*\n$/)
  assert.match(
    (await run('inst -l app=web -A --no-headers')).stdout,
    /^default +web-0.*\ndefault +web-1.*\n$/,
  )
  assert.equal(JSON.parse((await run(`inst ${b} -o json`)).stdout).items, [
    { namespace: 'default', instance: b, service: 'web', node: 'here', trouble: 'here does not tell of it' },
  ])
})

test('top services sums what is measured, and says of how many', async () => {
  const shop = await openShop()
  await addNode(shop, 'here')
  for (const name of ['web', 'idle', 'lost']) await shop.apply(service(name))
  const asks = { resources: { memory: '128Mi' } }
  const a = await shop.addInstance('web', 0, 'aaaaa', {}, asks)
  const b = await shop.addInstance('web', 1, 'bbbbb', {}, asks)
  await shop.addInstance('web', 2, 'ccccc', {}, asks)
  await shop.addInstance('lost', 0, 'ddddd')
  shop.setUsage(
    'here',
    said(
      {},
      {
        [`default/${a}`]: { cpuMillis: 10, memoryBytes: 32 * MIB },
        [`default/${b}`]: { cpuMillis: 30, memoryBytes: 64 * MIB },
      },
    ),
  )
  const { stdout } = await shop.run(['top', 'svc', '--sort-by', 'memory'])
  assert.equal(
    lines(stdout).map((line) => line.split(/ {2,}/)),
    [
      ['NAME', 'MEASURED', 'CPU(cores)', 'MEMORY(bytes)', 'MAX CPU', 'MAX MEMORY', 'MAX MEMORY%'],
      ['web', '2/3', '40m', '96Mi', '30m', '64Mi', '50%', 'here does not tell of it'],
      ['idle', '0/0', '0m', '0', '-', '-', '-'],
      [
        'lost',
        '0/1',
        '<unknown>',
        '<unknown>',
        '<unknown>',
        '<unknown>',
        '<unknown>',
        'here does not tell of it',
      ],
    ],
  )
})

test('what can be done about unknown figures is said once', async () => {
  const shop = await openShop()
  for (const name of ['alpha', 'beta']) {
    await addNode(shop, name)
    shop.setUsage(name, { trouble: 'nobody here may call nodes', next: 'get access there' })
  }
  const { code, stdout, stderr } = await shop.run(['top', 'nodes', '--no-headers'])
  assert.is(code, 1, 'no figure is known')
  assert.is((await shop.run(['top', 'nodes', '-o', 'json'])).code, 1)
  shop.setUsage('beta', said({ cpuMillis: 0 }))
  assert.is((await shop.run(['top', 'nodes'])).code, 0, 'one is')
  assert.is(lines(stdout).length, 2)
  assert.is(stderr.split('get access there').length, 2, stderr)
})

test('top -o yaml is a list of figures', async () => {
  const shop = await openShop()
  await addNode(shop, 'alpha')
  shop.setUsage('alpha', said({ cpuMillis: 1, memoryBytes: MIB }))
  const { stdout } = await shop.run(['top', 'nodes', '-o', 'yaml'])
  assert.match(stdout, /^apiVersion: nsctl.dev\/v1alpha1\nkind: NodeUsageList\nitems:\n *- node: alpha\n/)
})

test('top --watch looks again until it is stopped', async () => {
  const shop = await openShop()
  await addNode(shop, 'alpha')
  shop.setUsage('alpha', said({ cpuMillis: 1, memoryBytes: MIB }))
  const stop = new AbortController()
  const { code, stdout } = await shop.run(['top', 'nodes', '-w', '--no-headers'], {
    signal: stop.signal,
    onOutput: (text) => text.split('alpha').length > 2 && stop.abort(),
  })
  assert.is(code, 130)
  assert.match(stdout, /^alpha .*\n\nalpha .*\n$/)
})

for (const [words, code, says] of [
  ['top', 2, /no resource type was named/],
  ['top config', 2, /what is used is known of nodes, services or instances/],
  ['top nodes,services', 2, /what is used is known of nodes, services or instances/],
  ['top nodes nobody', 1, /nobody/],
  ['top nodes -o wide', 2, /unknown output format: wide \(json or yaml\)/],
  ['top nodes --sort-by name', 2, /sort-by/],
  ['top svc web -l app=web', 2, /names cannot be combined with -l/],
  ['top svc web -A', 2, /a name cannot be combined with -A/],
] as const)
  test(`${words} is refused`, async () => {
    const shop = await openShop()
    const ran = await shop.run(words.split(' '))
    assert.match(ran.stderr, says)
    assert.is(ran.code, code)
  })

test('top says where there is nothing', async () => {
  const shop = await openShop()
  assert.match((await shop.run(['top', 'svc'])).stderr, 'No resources found in default namespace.')
  const { code, stderr } = await shop.run(['top', 'nodes'])
  assert.match(stderr, 'No resources found.')
  assert.is(code, 0)
})

test.run()
