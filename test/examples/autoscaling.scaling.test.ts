/** examples/autoscaling with a real Redis: 0 → 10 → 0, and nsctl says why at each step. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { root } from '../commands/nsctl.ts'
import { startRedis } from '../lab/redis.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'

needs(
  test,
  canFetchDebs(),
  "Debian's redis-server",
)(
  'a queue worker goes from 0 to 10 and back under load, loses no job, and each step is explained',
  async () => {
    const redis = await startRedis()
    try {
      const { code, out } = await run(`${redis.host}:${redis.port}`)
      assert.is(code, 0, out)
      assert.match(out, /0 → 10 → 0, and all 800 jobs are done/)
      assert.match(out, /policies +at most \d+ now: 4 in 3s/, 'the way up is held by the policy')
      assert.match(out, /Why 10 /)
      assert.match(out, /Why 0 /)
      assert.match(out, /CHANGE +ACTIVE/, 'the history')
    } finally {
      await redis.stop()
    }
  },
)

function run(address: string): Promise<{ readonly code: number | null; readonly out: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(root, 'examples/autoscaling/demo.js')], {
      env: { ...process.env, REDIS_ADDRESS: address },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        out += data
      })
    child.once('close', (code) => resolve({ code, out }))
  })
}

test.run()
