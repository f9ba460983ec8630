/** Streams: the contract once, on their lag; what each way of counting says; and TLS, which lists have from the same place. */
import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { SourceType } from '../../../src/scaling/source.ts'
import { redisLists } from '../../../src/scaling/sources/redis.ts'
import { redisStreams } from '../../../src/scaling/sources/redis-streams.ts'
import { canMakeCertificates, makeAuthority } from '../../lab/certificates.ts'
import { startGate } from '../../lab/gate.ts'
import { type RedisServer, startRedis, startRedisCluster } from '../../lab/redis.ts'
import { canFetchDebs, serverDirectory } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { type Outside, read, sourceContract } from './contract.ts'
import { sourceContext, type TriggerSpec, triggerConfig } from './double.ts'

const PASSWORD = 'planted-redis-91bc'
const WRONG = 'planted-wrong-77aa'
const withDebs = needs(test, canFetchDebs(), 'Debian packages')

sourceContract({
  name: 'redis-streams',
  module: new URL('../../../src/scaling/sources/redis-streams.ts', import.meta.url),
  type: async () => redisStreams,
  present: canFetchDebs(),
  part: 'Debian packages',
  start: startOutside,
})

withDebs('counts pending entries, the lag of a group, or the stream, each with its own target', async () => {
  const redis = await startRedis()
  try {
    const trigger = (metadata: Readonly<Record<string, string>>): TriggerSpec => ({
      type: 'redis-streams',
      metadata: {
        ...{ host: redis.host, port: String(redis.port), stream: 'orders' },
        ...{ streamLength: '7', pendingEntriesCount: '5', ...metadata },
      },
    })
    const says = (metadata: Readonly<Record<string, string>>) => reading(redisStreams, trigger(metadata))
    const byGroup = { consumerGroup: 'workers' }
    // nothing there yet
    assert.is(await says({}), '0 of 7')
    assert.is(await says({ ...byGroup, lagCount: '3' }), '0 of 3')
    assert.match(await says(byGroup), /Invalid.*consumerGroup/)
    // produced before the first consumer made the group: its lag will be all of it
    for (let i = 0; i < 5; i++) await redis.run('xadd', 'orders', '*', 'n', String(i))
    assert.is(await says({}), '5 of 7')
    assert.is(await says({ ...byGroup, lagCount: '3' }), '5 of 3')
    await redis.run('xgroup', 'create', 'orders', 'workers', '0')
    assert.is(await says({ ...byGroup, lagCount: '3' }), '5 of 3')
    assert.is(await says(byGroup), '0 of 5')
    await redis.run('xreadgroup', 'group', 'workers', 'me', 'count', '2', 'streams', 'orders', '>')
    assert.is(await says({ ...byGroup, lagCount: '3' }), '3 of 3')
    assert.is(await says(byGroup), '2 of 5')
    // redis itself does not know the lag then: null, which must not be read as 0
    const ids = (await redis.run('xrange', 'orders', '-', '+'))
      .split('\n')
      .filter((line) => line.includes('-'))
    await redis.run('xdel', 'orders', ids[3] as string)
    assert.match(await says({ ...byGroup, lagCount: '3' }), /Invalid.*cannot tell the lag/)
    await redis.run('set', 'text', 'x')
    for (const more of [{}, byGroup, { ...byGroup, lagCount: '3' }])
      assert.match(await says({ ...more, stream: 'text' }), /Invalid.*no stream/)
    assert.match(await says({ stream: '' }), /Invalid.*stream is missing/)
  } finally {
    await redis.stop()
  }
})

withDebs('reads streams in a cluster', async () => {
  const nodes = await startRedisCluster(PASSWORD)
  try {
    const [first] = nodes as [RedisServer]
    // on whichever nodes their slots are
    for (const stream of ['a', 'b', 'c', 'd']) {
      await first.run('-c', 'xadd', stream, '*', 'n', '1')
      const metadata = { address: `127.0.0.1:${first.port}`, stream, lagCount: '3', consumerGroup: 'workers' }
      const trigger = { type: 'redis-cluster-streams', metadata, authentication: { password: PASSWORD } }
      assert.is(await reading(redisStreams, trigger), '1 of 3')
    }
  } finally {
    await Promise.all(nodes.map((node) => node.stop()))
  }
})

needs(
  test,
  canFetchDebs() && canMakeCertificates(),
  'Debian packages and openssl',
)('speaks TLS, and only with whom it may trust', async () => {
  const directory = serverDirectory('redis-tls')
  const [ours, theirs] = [makeAuthority(directory.path), makeAuthority(directory.path, 'stranger')]
  const elsewhere = ours.sign('elsewhere', { addresses: ['127.0.0.9'] })
  const servers = await Promise.all(
    [ours.sign('server'), elsewhere].map((own) =>
      startRedis({ password: PASSWORD, tls: { ca: ours.ca, ...own } }),
    ),
  )
  try {
    const [right, misnamed] = servers as [RedisServer, RedisServer]
    const says = (
      { port }: RedisServer,
      metadata: Readonly<Record<string, string>>,
      authentication: Readonly<Record<string, string>>,
    ) =>
      reading(redisLists, {
        type: 'redis',
        metadata: { address: `127.0.0.1:${port}`, listName: 'jobs', ...metadata },
        authentication: { password: PASSWORD, ...authentication },
      })
    const trusted = { ca: readFileSync(ours.ca, 'utf8') }
    assert.is(await says(right, { enableTLS: 'true' }, trusted), '0')
    assert.is(await says(right, {}, { tls: 'enable', ...trusted }), '0')
    assert.is(await says(right, { enableTLS: 'true', unsafeSsl: 'true' }, {}), '0')
    assert.match(await says(right, { enableTLS: 'true' }, {}), /^Unreachable.* certificate/)
    const wrong = { ca: readFileSync(theirs.ca, 'utf8') }
    assert.match(await says(right, { enableTLS: 'true' }, wrong), /^Unreachable.* certificate/)
    assert.match(await says(misnamed, { enableTLS: 'true' }, trusted), /^Unreachable.* altnames/)
    assert.match(await says(right, {}, {}), /^Unreachable/)
    for (const [name, text] of Object.entries({ ca: 'planted', cert: 'planted', key: 'planted' }))
      assert.match(
        await says(right, { enableTLS: 'true' }, { [name]: text }),
        new RegExp(`^Invalid.*${name} is no`),
      )
    assert.match(await says(right, { enableTLS: 'true' }, { cert: trusted.ca }), /^Invalid.*key is missing/)
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
    directory.remove()
  }
})

test.run()

/** What one look says, or fails with. */
async function reading(type: SourceType, trigger: TriggerSpec): Promise<string> {
  let close = async () => {}
  try {
    const source = type.open(triggerConfig(trigger), sourceContext())
    close = () => source.close()
    const { metrics } = await read(source)
    return metrics
      .map(({ value, target }) => (target === undefined ? `${value}` : `${value} of ${target}`))
      .join()
  } catch (error) {
    if (!isNsctlError(error)) throw error
    assert.not.match(JSON.stringify(error), 'planted')
    return `${error.code} ${error.value}: ${error.message}`
  } finally {
    await close()
  }
}

async function startOutside(): Promise<Outside> {
  const redis = await startRedis({ password: PASSWORD })
  const gate = await startGate(redis)
  await redis.run('set', 'text', 'x')
  const trigger: TriggerSpec = {
    type: 'redis-streams',
    metadata: {
      ...{ address: `127.0.0.1:${gate.port}`, stream: 'orders', consumerGroup: 'workers' },
      ...{ lagCount: '10', activationLagCount: '4' },
    },
    authentication: { password: PASSWORD },
  }
  return {
    trigger,
    activation: 4,
    async set(value) {
      await redis.run('del', 'orders')
      await redis.run('xgroup', 'create', 'orders', 'workers', '0', 'mkstream')
      const add = "for i = 1, ARGV[1] do redis.call('xadd', 'orders', '*', 'n', i) end"
      await redis.run('eval', add, '0', String(value))
    },
    gate,
    server: {
      freeze: () => redis.process.freeze(),
      thaw: () => redis.process.thaw(),
      kill: () => redis.process.kill(),
      restart: () => redis.restart(),
    },
    wrongCredentials: [
      { what: 'a wrong password', trigger: { ...trigger, authentication: { password: WRONG } } },
    ],
    empty: [
      { what: 'no stream', trigger: { ...trigger, metadata: { ...trigger.metadata, stream: 'none' } } },
    ],
    garbage: ['*0\r\n', '*1\r\n*2\r\n$4\r\nname\r\n', ':1\r\n', '$-1\r\n$-1\r\n', '*1\r\n:7\r\n*1\r\n:7\r\n'],
    secrets: [PASSWORD, WRONG],
    async stop() {
      await gate.close()
      await redis.stop()
    },
  }
}
