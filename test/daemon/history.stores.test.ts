/** Two controllers on two machines, as far as their files go: what the one has seen is known to the other. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome } from '../commands/nsctl.ts'
import { type ConsulCluster, startConsul } from '../lab/consul.ts'
import { canFetchDebs } from '../lab/servers.ts'
import { needs } from '../parts.ts'
import { Running, until } from './processes.ts'
import { decisionsOf, scaledService, startDemand } from './scaler-processes.ts'

/** What may be missing after a kill -9: the interval of publication, and as much again for a busy machine. */
const MISSING_MS = 30_000
const STEP_MS = 4_000
const STEPS = 10

let cluster: ConsulCluster

if (needs(test, canFetchDebs(), 'Debian packages') === test) {
  test.before(async () => {
    cluster = await startConsul()
  })
  test.after(() => cluster.stop())

  test('after kill -9 of the leader its successor has the history, but for the last seconds, and goes on', async () => {
    const homes = [createHome(), createHome(), createHome()] as const
    const [first, second, bystander] = homes
    const store = ['--store', `consul://${cluster.servers[0]!.address}/history`]
    const { server, set } = await startDemand()
    const processes: Running[] = []
    const start = (home: typeof first, said: RegExp) => {
      const one = new Running(home, ['controller', ...store])
      processes.push(one)
      return one.says(said)
    }
    try {
      const leader = await start(first, /leading, term 1/)
      await start(second, /standing by for pid/)
      first.write('web.yaml', scaledService(server.url))
      const applied = await first.run(['apply', '-f', 'web.yaml', ...store])
      assert.is(applied.code, 0, applied.stderr)
      for (let step = 1; step <= STEPS; step++) {
        set(step * 20)
        await until(async () => assert.is((await decisionsOf(first, store))[0]?.to, step * 20), 20_000)
        await new Promise((resolve) => setTimeout(resolve, STEP_MS))
      }
      await leader.stop('SIGKILL')
      const killedMs = Date.now()
      await processes[1]!.says(/leading, term 2/)
      const made = await decisionsOf(first, store)
      const known = new Set((await decisionsOf(second, store)).map(({ at }) => at))
      const missing = made.filter(({ at }) => !known.has(at))
      const oldestMissing = Math.min(killedMs, ...missing.map(({ at }) => Date.parse(at)))
      console.log(
        `decisions ${made.length}, missing at the successor ${missing.length}, the oldest of them ${((killedMs - oldestMissing) / 1000).toFixed(1)} s before the kill`,
      )
      assert.ok(made.length >= STEPS, `${made.length} decisions`)
      assert.ok(killedMs - oldestMissing <= MISSING_MS, `from ${new Date(oldestMissing).toISOString()} on`)
      assert.ok(known.size > 0)
      // a machine that runs nothing of nsctl reads what is in the store
      assert.ok((await decisionsOf(bystander, store)).length >= known.size)
      set(500)
      await until(async () => assert.is((await decisionsOf(second, store))[0]?.to, 500), 30_000)
      const page = await second.run(['describe', 'scaler', 'web', ...store])
      assert.match(page.stdout, /Demand .*Replicas/)
      const checked = await second.run(['store', 'check', ...store])
      assert.is(checked.code, 0, checked.stdout)
      for (const one of processes) await one.stop('SIGKILL')
      const down = await first.run(['down', '--purge', ...store])
      assert.match(down.stdout, /removed the history .*history-[0-9a-f]+\.db/)
    } finally {
      for (const one of processes) await one.stop('SIGKILL')
      await server.stop()
      for (const home of homes) home.remove()
    }
  })
}

test.run()
