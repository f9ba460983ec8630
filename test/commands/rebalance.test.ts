import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import type { AnyResource } from '../../src/resources/object.ts'
import { openShop } from './shop.ts'

const apiVersion = 'nsctl.dev/v1alpha1'

test('rebalance proposes moves, and makes none', async () => {
  const shop = await openShop()
  const run = (text: string) => shop.run(text.split(' '))
  for (const name of ['alpha', 'beta']) {
    await shop.api.ensure({ apiVersion, kind: 'Node', metadata: { name }, spec: {} } as AnyResource)
    await shop.setStatus('Node', name, { phase: 'Ready', capacity: { cpu: '4', memory: '8Gi' } })
  }
  assert.is((await run('rebalance --dry-run')).stdout, 'nothing would stand better elsewhere\n')
  const template = { source: { command: ['sleep', '1'], workingDir: '/' } }
  const web = { apiVersion, kind: 'Service', metadata: { name: 'lone' }, spec: { replicas: 2, template } }
  await shop.api.apply([{ object: web as unknown as AnyResource, source: 'test' }], {
    actor: { name: 'test' },
  })
  for (const ordinal of [0, 1])
    await shop.api.createOwned([
      {
        apiVersion,
        kind: 'Instance',
        metadata: { name: `lone-${ordinal}-bcdfg`, namespace: 'default' },
        spec: { service: 'lone', ordinal, node: 'alpha', templateHash: 'h', attempt: 0, template },
      } as unknown as AnyResource,
    ])
  const { stdout } = await run('rebalance --dry-run')
  assert.match(stdout, /^default +lone-0-bcdfg +alpha +beta +2 on alpha, 0 on beta$/m)
  assert.match(stdout, /^1 move proposed, none made$/m)
  const list = {
    apiVersion,
    kind: 'MoveList',
    items: [
      {
        namespace: 'default',
        instance: 'lone-0-bcdfg',
        from: 'alpha',
        to: 'beta',
        why: '2 on alpha, 0 on beta',
      },
    ],
  }
  assert.equal(JSON.parse((await run('rebalance --dry-run -o json')).stdout), list)
  assert.equal(parse((await run('rebalance --dry-run -o yaml')).stdout), list)
  const moving = await run('rebalance')
  assert.is(moving.code, 2)
  assert.match(moving.stderr, 'moves are only proposed, nothing is moved: write nsctl rebalance --dry-run')
  assert.match(
    (await run('rebalance --dry-run -o wide')).stderr,
    'unknown output format: wide (json or yaml)',
  )
})

test.run()
