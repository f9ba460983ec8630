import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { nodeGrace } from '../../src/commands/daemon-flags.ts'
import { editTaints, parseTaints } from '../../src/commands/taint-edits.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import type { Node } from '../../src/resources/generated/types.ts'
import { isEdge } from '../../src/resources/node.ts'
import type { AnyResource } from '../../src/resources/object.ts'
import { openShop, type Shop } from './shop.ts'

const apiVersion = 'nsctl.dev/v1alpha1'
const actor = { name: 'test' }

async function openNodes(...names: readonly string[]): Promise<Shop> {
  const shop = await openShop()
  for (const name of names) {
    await shop.api.ensure({ apiVersion, kind: 'Node', metadata: { name }, spec: {} } as AnyResource)
    await shop.setStatus('Node', name, { phase: 'Ready', addresses: ['10.0.0.7'] })
  }
  return shop
}

const nodeOf = (shop: Shop, name: string) => shop.api.get<Node>({ kind: 'Node', name }) as Promise<Node>

test('cordon and uncordon say what they did, as kubectl does, and get nodes shows it', async () => {
  const shop = await openNodes('alpha', 'beta')
  assert.is((await shop.run('cordon alpha'.split(' '))).stdout, 'node/alpha cordoned\n')
  assert.is((await shop.run('cordon node/alpha'.split(' '))).stdout, 'node/alpha already cordoned\n')
  const listed = (await shop.run(['get', 'nodes'])).stdout
  assert.match(listed, /^NAME +STATUS .*\nalpha +Ready,SchedulingDisabled .*\nbeta +Ready /)
  assert.is((await shop.run('cordon beta --dry-run'.split(' '))).stdout, 'node/beta cordoned (dry run)\n')
  assert.is((await nodeOf(shop, 'beta')).spec?.unschedulable, undefined)
  assert.is(
    (await shop.run('uncordon alpha beta'.split(' '))).stdout,
    'node/alpha uncordoned\nnode/beta already uncordoned\n',
  )
  assert.equal((await nodeOf(shop, 'alpha')).spec, {})
})

test('people say by a label that a machine that joined may be an edge, and nothing else that is nsctl’s own', async () => {
  const shop = await openNodes('alpha')
  const labelled = await shop.run('label node alpha nsctl.dev/edge=true'.split(' '))
  assert.equal([labelled.code, labelled.stderr], [0, ''])
  const joined = { ...(await nodeOf(shop, 'alpha')), spec: { joining: 'j1' } } as Node
  assert.ok(isEdge({ ...joined, status: { ...joined.status, balancer: 'caddy' } as Node['status'] }))
  const refused = await shop.run('label node alpha nsctl.dev/nixos=true'.split(' '))
  assert.equal([refused.code, refused.stderr.includes('nsctl.dev/ is nsctl')], [2, true])
  assert.is((await shop.run('label node alpha nsctl.dev/edge-'.split(' '))).code, 0)
})

test('a node that there is not, and none at all, are refused', async () => {
  const shop = await openNodes('alpha')
  assert.match((await shop.run(['cordon', 'gamma'])).stderr, 'there is no node/gamma')
  assert.is((await shop.run(['cordon'])).code, 2)
})

test('a node that has an agent is not added over it, and what names no machine or user is refused', async () => {
  const shop = await openNodes('alpha')
  const taken = await shop.run('node add alpha --ssh root@10.0.0.8'.split(' '))
  assert.is(taken.code, 4)
  assert.match(taken.stderr, 'node/alpha has an agent of its own')
  const [nobody, nowhere, misnamed] = await Promise.all(
    ['node add beta --ssh 10.0.0.8', 'node add beta', 'node add Beta_1 --ssh root@10.0.0.8'].map((text) =>
      shop.run(text.split(' ')),
    ),
  )
  assert.is(nobody?.code, 2)
  assert.match(nobody?.stderr ?? '', 'whom to log in as')
  assert.is(nowhere?.code, 2)
  assert.match(misnamed?.stderr ?? '', '"Beta_1" is no name of a node')
  assert.is(await shop.api.get({ kind: 'Node', name: 'beta' }), undefined)
})

test('taint sets, replaces where it may, and removes', async () => {
  const shop = await openNodes('alpha', 'beta')
  const run = (text: string) => shop.run(text.split(' '))
  assert.is(
    (await run('taint node alpha beta pool=spot:NoSchedule')).stdout,
    'node/alpha tainted\nnode/beta tainted\n',
  )
  assert.is((await run('taint nodes alpha pool=spot:NoSchedule')).stdout, 'node/alpha not tainted\n')
  const taken = await run('taint node alpha pool=batch:NoSchedule')
  assert.match(taken.stderr, 'node/alpha already has a taint pool:NoSchedule')
  assert.is((await run('taint node alpha pool=batch:NoSchedule --overwrite')).code, 0)
  assert.is((await run('taint node alpha pool:NoExecute')).code, 0)
  assert.equal((await nodeOf(shop, 'alpha')).spec?.taints, [
    { key: 'pool', value: 'batch', effect: 'NoSchedule' },
    { key: 'pool', effect: 'NoExecute' },
  ])
  assert.match(
    (await run('describe node alpha')).stdout,
    /\nTaints +pool=batch:NoSchedule\n +pool:NoExecute\n/,
  )
  assert.is((await run('taint node alpha pool:NoExecute-')).stdout, 'node/alpha untainted\n')
  assert.is((await run('taint node alpha pool-')).stdout, 'node/alpha untainted\n')
  assert.equal((await nodeOf(shop, 'alpha')).spec, {})
  assert.match((await run('taint node alpha pool-')).stderr, 'node/alpha has no taint pool')
  assert.match((await run('taint node alpha pool=spot:Never')).stderr, 'not a taint: "pool=spot:Never"')
  assert.match((await run('taint node alpha -x=1:NoSchedule')).stderr, /^error: /)
})

test('a grace period is longer than a node is silent without anything being wrong', () => {
  assert.equal(nodeGrace({ 'node-grace': undefined }), {})
  assert.equal(nodeGrace({ 'node-grace': '30s' }), { nodeGraceMs: 30_000 })
  assert.throws(
    () => nodeGrace({ 'node-grace': '4s' }),
    (error: unknown) => isNsctlError(error, 'Usage') && /at least 5s, not 4s/.test(error.message),
  )
})

test('labels are set as on everything else', async () => {
  const shop = await openNodes('alpha')
  assert.is((await shop.run('label node alpha zone=a'.split(' '))).stdout, 'node/alpha labeled\n')
  assert.match((await shop.run('get nodes -l zone=a -o name'.split(' '))).stdout, 'node/alpha')
})

test('taints are parsed and edited without losing others', () => {
  const edits = parseTaints(['a=1:NoSchedule', 'b-', 'c:NoExecute-'])
  assert.equal(edits.set, [{ key: 'a', value: '1', effect: 'NoSchedule' }])
  const present = [
    { key: 'b', effect: 'NoExecute' },
    { key: 'c', effect: 'NoExecute' },
    { key: 'c', effect: 'NoSchedule' },
  ] as const
  assert.equal(editTaints(present, edits, { overwrite: false, node: 'n' }), [
    { key: 'c', effect: 'NoSchedule' },
    { key: 'a', value: '1', effect: 'NoSchedule' },
  ])
  assert.throws(
    () => parseTaints(['a:NoSchedule', 'a-']),
    (error: unknown) => isNsctlError(error, 'Usage'),
  )
})

function instance(name: string, node: string, service = 'web'): AnyResource {
  return {
    apiVersion,
    kind: 'Instance',
    metadata: { name, namespace: 'default', finalizers: ['nsctl.dev/runtime'] },
    spec: { service, ordinal: 0, node, templateHash: 'h', attempt: 0, template: {} },
  } as unknown as AnyResource
}

async function withInstances(): Promise<Shop> {
  const shop = await openNodes('alpha', 'beta')
  const template = { source: { command: ['true'] } }
  const service = { apiVersion, kind: 'Service', metadata: { name: 'web' }, spec: { template } }
  await shop.api.apply([{ object: service as unknown as AnyResource, source: 'test' }], { actor })
  await shop.api.createOwned([
    instance('web-0-x', 'alpha'),
    instance('web-1-y', 'beta'),
    instance('run-0-z', 'alpha', '.run'),
  ])
  shop.setDaemon({ running: true })
  return shop
}

test('drain says what goes, and that the node is drained once nothing but runs of Jobs is left', async () => {
  const shop = await withInstances()
  const running = shop.run(['drain', 'alpha'], {
    onOutput(stdout) {
      if (stdout.endsWith('draining\n')) void shop.api.requestDelete({ kind: 'Instance', name: 'web-0-x' })
      if (stdout.endsWith('on alpha\n'))
        void shop.api.removeFinalizer({ kind: 'Instance', name: 'web-0-x' }, 'nsctl.dev/runtime')
    },
  })
  assert.is(
    (await running).stdout,
    'node/alpha cordoned, draining\nending instance/web-0-x on alpha\ninstance/web-0-x ended\nnode/alpha drained\n',
  )
  assert.equal((await nodeOf(shop, 'alpha')).spec, { unschedulable: true, drain: {} })
  assert.is((await shop.run(['uncordon', 'alpha'])).code, 0)
  assert.equal((await nodeOf(shop, 'alpha')).spec, {})
})

test('drain gives up waiting in time, says what is left, and that the draining goes on', async () => {
  const shop = await withInstances()
  const ran = await shop.run(['drain', 'alpha', '--timeout', '300ms', '--force'])
  assert.is(ran.code, 1)
  assert.match(
    ran.stderr,
    /not drained within .*: instance\/run-0-z, instance\/web-0-x|not drained within .*: instance\/web-0-x, instance\/run-0-z/,
  )
  assert.match(ran.stderr, 'draining goes on')
  assert.equal((await nodeOf(shop, 'alpha')).spec?.drain, { force: true })
  const described = (await shop.run(['describe', 'node', 'alpha'])).stdout
  assert.match(
    described,
    /\nState +Ready,SchedulingDisabled\nDraining +by force: 2 instances there; nsctl uncordon ends it\n/,
  )
})

test('drain without anybody who acts says so, and does not hang', async () => {
  const shop = await withInstances()
  shop.setDaemon({ running: false })
  const ran = await shop.run(['drain', 'alpha'])
  assert.match(ran.stderr, 'nobody is acting on this')
  assert.equal((await nodeOf(shop, 'alpha')).spec?.drain, {})
})

test.run()
