/** Two controllers over an embedded store: they have one history. */
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome } from '../commands/nsctl.ts'
import { Running, until } from './processes.ts'
import { decisionsOf, scaledService, startDemand } from './scaler-processes.ts'

test('after kill -9 of the leader its successor goes on with the history', async () => {
  const home = createHome()
  const { server, set } = await startDemand()
  const processes: Running[] = []
  const start = (said: RegExp) => {
    const one = new Running(home, ['controller'])
    processes.push(one)
    return one.says(said)
  }
  try {
    const leader = await start(/leading, term 1/)
    await start(/standing by for pid/)
    home.write('web.yaml', scaledService(server.url))
    // before the first look, which would find nothing waiting else, and say so
    set(10)
    assert.is((await home.run(['apply', '-f', 'web.yaml'])).code, 0)
    for (const waiting of [10, 20, 30]) {
      set(waiting)
      await until(async () => assert.is((await decisionsOf(home))[0]?.to, waiting), 20_000)
    }
    await leader.stop('SIGKILL')
    await processes[1]!.says(/leading, term 2/)
    set(40)
    await until(async () => assert.is((await decisionsOf(home))[0]?.to, 40), 20_000)
    assert.equal(
      (await decisionsOf(home)).map(({ from, to }) => [from, to]),
      [
        [30, 40],
        [20, 30],
        [10, 20],
        [1, 10],
      ],
    )
    const page = await home.run(['describe', 'scaler', 'web'])
    assert.match(page.stdout, /^Why 40 +metrics-api\/queue/m)
    assert.match(page.stdout, /^Sources +metrics-api\/queue .* old .*ok$/m)
    const asked = await home.run(['scaler', 'trigger', 'web'])
    assert.is(asked.code, 0, asked.stderr)
    assert.match(asked.stdout, /^scaledobject\/web stays 40 /)
    const paused = await home.run(['scaler', 'pause', 'web', '--replicas', '3'])
    assert.is(paused.stdout, 'scaledobject/web paused at 3\n')
    await until(async () => assert.is((await decisionsOf(home))[0]?.to, 3), 20_000)
    assert.is((await home.run(['store', 'check'])).code, 0)
  } finally {
    for (const one of processes) await one.stop('SIGKILL')
    await server.stop()
    await home.run(['down', '--purge'])
    home.remove()
  }
})

test.run()
