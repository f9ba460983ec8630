/** A cluster of three, and a master that a sentinel names. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { redisLists } from '../../../src/scaling/sources/redis.ts'
import { type RedisServer, startRedisCluster, startRedisWithSentinel } from '../../lab/redis.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { needs } from '../../parts.ts'
import { numberOf, type Outside, sourceContract, until } from './contract.ts'
import { sourceContext, type TriggerSpec, triggerConfig } from './double.ts'

const PASSWORD = 'planted-redis-91bc'
const SENTINEL = 'planted-sentinel-3d0e'
const WRONG = 'planted-wrong-77aa'

const subject = {
  module: new URL('../../../src/scaling/sources/redis.ts', import.meta.url),
  type: async () => redisLists,
  present: canFetchDebs(),
  part: 'Debian packages',
}

sourceContract({ ...subject, name: 'redis-cluster', start: startCluster })
sourceContract({ ...subject, name: 'redis-sentinel', start: startSentinel })

needs(
  test,
  subject.present,
  subject.part,
)('redis-sentinel: goes on at the replica that became the master', async () => {
  const redis = await startRedisWithSentinel(PASSWORD, SENTINEL)
  const source = redisLists.open(triggerConfig(sentinelTrigger([redis.sentinel])), sourceContext())
  try {
    await redis.master.run('rpush', 'jobs', 'a', 'b', 'c')
    await until(async () => (await redis.replica.run('llen', 'jobs')) === '3')
    assert.is(await numberOf(source), 3)
    await redis.master.process.kill()
    await until(async () => (await numberOf(source)) === 3)
    await redis.replica.run('rpush', 'jobs', 'd')
    assert.is(await numberOf(source), 4)
  } finally {
    await source.close()
    await redis.stop()
  }
})

test.run()

async function startCluster(): Promise<Outside> {
  const nodes = await startRedisCluster(PASSWORD)
  const trigger = (password: string): TriggerSpec => ({
    type: 'redis-cluster',
    metadata: { address: addressesOf(nodes), listName: 'jobs', activationListLength: '3' },
    authentication: { password },
  })
  const run = (...words: readonly string[]) => (nodes[0] as RedisServer).run('-c', ...words)
  return {
    trigger: trigger(PASSWORD),
    activation: 3,
    set: (value) => fill(run, value),
    server: allOf(nodes, async () => {
      for (const node of nodes)
        await until(async () => /cluster_state:ok/.test(await node.run('cluster', 'info')))
    }),
    wrongCredentials: [{ what: 'a wrong password', trigger: trigger(WRONG) }],
    secrets: [PASSWORD, WRONG],
    async stop() {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

async function startSentinel(): Promise<Outside> {
  const redis = await startRedisWithSentinel(PASSWORD, SENTINEL)
  const trigger = sentinelTrigger([redis.sentinel])
  const { authentication = {} } = trigger
  return {
    trigger,
    activation: 3,
    async set(value) {
      const leader = await redis.leader()
      await fill(leader.run, value)
    },
    server: allOf([redis.master, redis.replica, redis.sentinel], async () => undefined),
    wrongCredentials: [
      {
        what: 'a wrong password of redis',
        trigger: { ...trigger, authentication: { ...authentication, password: WRONG } },
      },
      {
        what: 'a wrong password of the sentinel',
        trigger: { ...trigger, authentication: { ...authentication, sentinelPassword: WRONG } },
      },
    ],
    refused: [
      {
        what: 'no name of a master',
        trigger: { ...trigger, metadata: { ...trigger.metadata, sentinelMaster: '' } },
        parameter: 'sentinelMaster',
      },
    ],
    secrets: [PASSWORD, SENTINEL, WRONG],
    stop: () => redis.stop(),
  }
}

function sentinelTrigger(sentinels: readonly RedisServer[]): TriggerSpec {
  return {
    type: 'redis-sentinel',
    metadata: {
      address: addressesOf(sentinels),
      listName: 'jobs',
      activationListLength: '3',
      sentinelMaster: 'mymaster',
    },
    authentication: { password: PASSWORD, sentinelPassword: SENTINEL },
  }
}

/** Nobody listens at the first. */
function addressesOf(servers: readonly RedisServer[]): string {
  return ['127.0.0.1:1', ...servers.map(({ host, port }) => `${host}:${port}`)].join(',')
}

async function fill(run: RedisServer['run'], value: number): Promise<void> {
  await run('del', 'jobs')
  if (value > 0) await run('rpush', 'jobs', ...Array.from({ length: value }, String))
}

function allOf(servers: readonly RedisServer[], settle: () => Promise<void>): Outside['server'] {
  return {
    freeze: () => {
      for (const { process } of servers) process.freeze()
    },
    thaw: () => {
      for (const { process } of servers) process.thaw()
    },
    kill: async () => {
      await Promise.all(servers.map(({ process }) => process.kill()))
    },
    restart: async () => {
      await Promise.all(servers.map((server) => server.restart()))
      await settle()
    },
  }
}
