import { startGate } from '../../lab/gate.ts'
import { startRedis } from '../../lab/redis.ts'
import { canFetchDebs } from '../../lab/servers.ts'
import { type Outside, sourceContract } from './contract.ts'
import type { TriggerSpec } from './double.ts'

const PASSWORD = 'planted-redis-91bc'
const WRONG = 'planted-wrong-77aa'

sourceContract({
  name: 'redis',
  module: new URL('../../../src/scaling/sources/redis.ts', import.meta.url),
  type: async () => (await import('../../../src/scaling/sources/redis.ts')).redisLists,
  present: canFetchDebs(),
  part: 'Debian packages',
  start: startOutside,
})

async function startOutside(): Promise<Outside> {
  const redis = await startRedis({ password: PASSWORD })
  const furnish = async () => {
    await redis.run('acl', 'setuser', 'reader', 'on', `>${PASSWORD}`, '~*', '+llen', '+type', '+select')
    await redis.run('acl', 'setuser', 'nobody', 'on', `>${PASSWORD}`)
    await redis.run('set', 'text', 'x')
  }
  await furnish()
  const gate = await startGate(redis)
  const spec = (
    metadata: Readonly<Record<string, string>> = {},
    authentication: Readonly<Record<string, string>> = { username: 'reader', password: PASSWORD },
  ): TriggerSpec => ({
    type: 'redis',
    metadata: { address: `127.0.0.1:${gate.port}`, listName: 'jobs', activationListLength: '2', ...metadata },
    authentication,
  })
  const { address: _address, ...noAddress } = spec().metadata
  return {
    trigger: spec(),
    activation: 2,
    async set(value) {
      await redis.run('del', 'jobs')
      if (value > 0) await redis.run('rpush', 'jobs', ...Array.from({ length: value }, String))
    },
    gate,
    server: {
      freeze: () => redis.process.freeze(),
      thaw: () => redis.process.thaw(),
      kill: () => redis.process.kill(),
      restart: () => redis.restart().then(furnish),
    },
    wrongCredentials: [
      { what: 'a wrong password', trigger: spec({}, { password: WRONG }) },
      { what: 'no password', trigger: spec({}, {}) },
      { what: 'no such user', trigger: spec({}, { username: 'stranger', password: PASSWORD }) },
      { what: 'may not read it', trigger: spec({}, { username: 'nobody', password: PASSWORD }) },
    ],
    invalid: [{ what: 'a text', trigger: spec({ listName: 'text' }) }],
    empty: [{ what: 'no such list', trigger: spec({ listName: 'none' }) }],
    refused: [
      { what: 'no list', trigger: spec({ listName: '' }), parameter: 'listName' },
      { what: 'no address', trigger: { ...spec(), metadata: noAddress }, parameter: 'address' },
      { what: 'no port', trigger: spec({ address: 'localhost' }), parameter: 'address' },
      { what: 'a URL', trigger: spec({ address: `redis://:${PASSWORD}@localhost:1` }), parameter: 'address' },
      { what: 'TLS said twice', trigger: spec({ enableTLS: 'true' }, { tls: 'disable' }), parameter: 'tls' },
    ],
    garbage: [
      ...['+OK\r\n', ':12', '*3\r\n', '-ERR no\r\n', '$5\r\nab', ':NaN\r\n:NaN\r\n:NaN\r\n', '$-1\r\n'],
      // 440 bytes that ask for 10 GB: lists of lists
      '*30000000\r\n'.repeat(40),
    ],
    secrets: [PASSWORD, WRONG],
    async stop() {
      await gate.close()
      await redis.stop()
    },
  }
}
