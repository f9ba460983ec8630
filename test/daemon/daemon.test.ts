/** The real daemon with the process runtime: who may start it, what its end means, and what down leaves. */
import { existsSync, globSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { STORE_LAYOUT } from '../../src/api/keys.ts'
import { systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { firstEntries } from '../../src/store/layout.ts'
import { acquireLease, thisProcess } from '../../src/store/lease.ts'
import { openSqliteStore } from '../../src/store/sqlite/store.ts'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running, until } from './processes.ts'

interface Context {
  home: Home
  daemons: Daemon[]
}

class Daemon extends Running {
  constructor(home: Home, args: readonly string[]) {
    super(home, ['up', '--runtime', 'process', ...args])
  }

  ready(): Promise<this> {
    return this.says(/is ready after/)
  }
}

const test = suite<Context>('daemon')
test.before.each((context) => {
  context.home = createHome()
  context.daemons = []
  context.home.write(
    'sleeper.yaml',
    `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: sleeper}
spec:
  replicas: 2
  template:
    source: {command: [sh, -c, 'echo $$ >>pids; exec sleep 1000']}
  storage: [{name: data, path: /data}]
`,
  )
})
test.after.each(async ({ home, daemons }) => {
  for (const daemon of daemons) if (daemon.child.exitCode === null) await daemon.stop('SIGKILL')
  await home.run(['down', '--purge'])
  home.remove()
})

async function start(context: Context, ...args: string[]): Promise<Daemon> {
  const daemon = new Daemon(context.home, args)
  context.daemons.push(daemon)
  return await daemon.ready()
}

async function applied({ home }: Context): Promise<readonly number[]> {
  const { code, stderr } = await home.run(['apply', '-f', 'sleeper.yaml'])
  assert.is(code, 0, stderr)
  const waited = await home.run(['wait', '--for=condition=Ready', 'service/sleeper', '--timeout=20s'])
  assert.is(waited.code, 0, waited.stderr)
  return pids(home)
}

function pids(home: Home): readonly number[] {
  return readFileSync(join(home.folder, 'pids'), 'utf8').trim().split('\n').map(Number)
}

function lives(pid: number): boolean {
  return existsSync(`/proc/${pid}/cmdline`) && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sleep')
}

test('a second daemon for the same store is refused, with the pid of the first', async (context) => {
  const first = await start(context)
  const second = await context.home.run(['up', '--runtime', 'process'])
  assert.is(second.code, 4, second.stderr)
  assert.match(second.stderr, new RegExp(`nsctl already runs for sqlite:.*: pid ${first.child.pid} on `))
  assert.match(second.stderr, /nsctl down/)
  assert.is(await first.stop(), 0)
})

test('a daemon that says it is ready is seen as acting', async (context) => {
  for (let turn = 0; turn < 3; turn++) {
    const daemon = await start(context)
    const { stdout } = await context.home.run(['version', '-o', 'json'])
    assert.is(JSON.parse(stdout).daemon.running, true)
    await daemon.stop('SIGKILL')
  }
})

test('ending the daemon ends no workload; the next one goes on with the same processes', async (context) => {
  const first = await start(context)
  const running = await applied(context)
  assert.is(running.length, 2)
  assert.is(await first.stop(), 0)
  assert.match(first.output, /stopped; what runs goes on/)
  assert.ok(running.every(lives), 'a workload ended with the daemon')
  await start(context)
  const { code, stderr } = await context.home.run(['scale', 'service/sleeper', '--replicas', '3'])
  assert.is(code, 0, stderr)
  await until(() => assert.is(pids(context.home).length, 3))
  assert.equal(pids(context.home).slice(0, 2), running, 'what ran was started again')
  assert.ok(running.every(lives))
})

test('wait takes nothing for ready that was so before the daemon and its programs were killed', async (context) => {
  const { home } = context
  home.write(
    'once.yaml',
    `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: once}
spec:
  replicas: 4
  template:
    source: {command: [sh, -c, 'test -e ended && sleep 1; echo $$ >>pids; test -e ended && exit 1; exec sleep 1000']}
`,
  )
  const first = await start(context)
  assert.is((await home.run(['apply', '-f', 'once.yaml'])).code, 0)
  const wait = (timeout: string) =>
    home.run(['wait', '--for=condition=Ready', 'service/once', `--timeout=${timeout}`])
  assert.is((await wait('20s')).code, 0)
  // as a power failure does it
  await first.stop('SIGKILL')
  for (const pid of pids(home)) process.kill(pid, 'SIGKILL')
  home.write('ended', '')
  const alone = await wait('1s')
  assert.is(alone.code, 1, alone.stdout)
  assert.match(alone.stderr, /nobody is acting on service\/once .*not looked at since/)
  const waits = [wait('3s'), wait('3s')]
  await start(context)
  waits.push(wait('2s'))
  for (const { code, stdout } of await Promise.all(waits)) assert.is(code, 1, stdout)
})

test('--own ends every workload with the daemon, on Ctrl-C too', async (context) => {
  const daemon = await start(context, '--own')
  const running = await applied(context)
  assert.is(await daemon.stop('SIGINT'), 0, daemon.output)
  assert.match(daemon.output, /stopped, with everything that it ran/)
  await until(() => assert.not.ok(running.some(lives)))
})

test('down ends the daemon and its workloads and lists what it leaves; --purge leaves what opens Secrets alone', async (context) => {
  const { home } = context
  const daemon = await start(context)
  const running = await applied(context)
  const down = await home.run(['down'])
  assert.is(down.code, 0, down.stderr)
  assert.is(await daemon.ended, 0)
  assert.not.ok(running.some(lives))
  assert.match(down.stdout, /stopped the daemon \(pid \d+\)/)
  assert.match(down.stdout, /ended every workload/)
  assert.match(down.stdout, /left, remove it with nsctl down --purge:/)
  assert.ok(globSync(join(home.state, '**/sleeper/data/0')).length > 0, 'the data must stay')
  const purged = await home.run(['down', '--purge'])
  assert.is(purged.code, 0, purged.stderr)
  // exports of the store, and stores that it was moved to, are sealed to it
  assert.equal(readdirSync(home.state), ['identity'])
  const identity = /identity: what opens the Secrets of every store that was run from here/
  assert.match(purged.stdout, identity)
  const again = await home.run(['down'])
  assert.match(again.stdout, /^nothing was running\n/)
  assert.match(again.stdout, identity)
})

test('down leaves the workloads, the data and the home of another store, and says so', async (context) => {
  const { home } = context
  const url = `sqlite:${home.folder}/other.db`
  const daemon = await start(context, '--store', url)
  const options = { env: { NSCTL_STORE: url } }
  assert.is((await home.run(['apply', '-f', 'sleeper.yaml'], options)).code, 0)
  await until(() => assert.is(pids(home).length, 2))
  const running = pids(home)
  writeFileSync(join(home.state, 'precious'), 'not of nsctl')

  const down = await home.run(['down', '--purge'])
  assert.is(down.code, 0, down.stderr)
  assert.match(down.stdout, `workloads of the store ${url}, which nsctl down --store ${url} ends`)
  assert.is(daemon.child.exitCode, null)
  assert.ok(running.every(lives))

  const meant = await home.run(['down', '--purge', '--store', url])
  assert.is(meant.code, 0, meant.stderr)
  assert.is(await daemon.ended, 0)
  assert.not.ok(running.some(lives))
  assert.equal(readdirSync(home.state).sort(), ['identity', 'precious'], meant.stdout)
  assert.match(meant.stdout, /left:\n {2}.*: precious\n {2}.*identity: /)
  assert.equal(globSync(join(home.folder, 'other.db*')), [])
})

test('a damaged store does not keep anybody from giving it up', async (context) => {
  const { home } = context
  const daemon = await start(context)
  const running = await applied(context)
  await daemon.stop()
  writeFileSync(join(home.state, 'store.db'), 'this is no database'.repeat(1000))
  const down = await home.run(['down', '--purge'])
  assert.is(down.code, 0, down.stderr)
  assert.match(down.stdout, /could not see whether a daemon runs: .*store\.db/)
  assert.not.ok(running.some(lives))
  assert.equal(readdirSync(home.state), ['identity'])
})

test('workloads of one store are not ended by a daemon with another', async (context) => {
  const first = await start(context)
  const running = await applied(context)
  await first.stop()
  const other = await context.home.run([
    'up',
    '--runtime',
    'process',
    '--store',
    `sqlite:${context.home.folder}/other.db`,
  ])
  assert.is(other.code, 4, other.stderr)
  assert.match(other.stderr, /programs belong to the store sqlite:.*store\.db/)
  assert.ok(running.every(lives))
})

test('a machine whose host name has changed goes on with what runs, under its first name', async (context) => {
  const { home } = context
  const claim = join(home.state, 'process/store-url')
  mkdirSync(join(home.state, 'process'), { recursive: true })
  writeFileSync(claim, `sqlite:${home.state}/store.db\nas-it-was-called\n`)
  const first = await start(context)
  assert.match(first.output, /on node as-it-was-called\n/)
  const running = await applied(context)
  await first.stop()
  await start(context)
  assert.ok(running.every(lives))
  const logs = await home.run(['exec', 'sleeper-0', '--', 'true'])
  assert.is(logs.code, 0, logs.stderr)
})

test('what it runs waits until this daemon leads: two for one store never run it twice', async (context) => {
  const { home } = context
  const path = join(home.state, 'store.db')
  const first = firstEntries(STORE_LAYOUT, '0.1.0')
  const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger, first })
  const stop = new AbortController()
  // a leader of which nobody here can know whether it lives
  const holder = { ...thisProcess(), bootId: 'another machine' }
  const options = { name: 'leader', ttlMs: 60_000, clock: systemClock, signal: stop.signal }
  const lease = await acquireLease(store, { ...options, holder })
  try {
    const second = new Daemon(home, [])
    context.daemons.push(second)
    await until(() => assert.ok(existsSync(join(home.state, 'process/process/lock.db.owner'))))
    await new Promise((resolve) => setTimeout(resolve, 500))
    assert.equal((await store.list(['obj/nsctl.dev/nodes/'])).entries, [], 'its agent acts')
    await lease.release()
    await second.ready()
    await until(async () => assert.is((await store.list(['obj/nsctl.dev/nodes/'])).entries.length, 1))
  } finally {
    stop.abort()
    await store.close()
  }
})

test('a metrics port that is taken is refused, by number', async (context) => {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0 }, () => resolve((server.address() as { port: number }).port))
  })
  const { code, stderr } = await context.home.run([
    'up',
    '--runtime',
    'process',
    '--metrics-port',
    String(port),
  ])
  server.close()
  assert.is.not(code, 0)
  assert.match(stderr, new RegExp(`${port}`))
})

test('serves its own metrics, named after controller-runtime’s', async (context) => {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0 }, () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
  await start(context, '--metrics-port', String(port))
  await applied(context)
  const text = await until(async () => {
    const body = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    assert.match(body, /controller_runtime_reconcile_total\{controller="service",result="success"\} [1-9]/)
    return body
  })
  assert.match(text, /controller_runtime_reconcile_total\{controller="instance"/)
  assert.match(text, /workqueue_depth\{name="instance"\} \d/)
  assert.match(text, /leader_election_master_status\{name="leader"\} 1/)
})

test('what get prints as JSON or YAML applies again as unchanged', async (context) => {
  await start(context)
  await applied(context)
  for (const format of ['json', 'yaml']) {
    const { stdout } = await context.home.run(['get', 'service', 'sleeper', '-o', format])
    const again = await context.home.run(['apply', '-f', '-'], { stdin: stdout })
    assert.is(again.code, 0, again.stderr)
    assert.match(again.stdout, /service\/sleeper unchanged/)
  }
})

test('an object that was changed by hand is put right by the same manifest', async (context) => {
  await start(context)
  await applied(context)
  const { home } = context
  const patched = await home.run([
    'patch',
    'service',
    'sleeper',
    '--type',
    'merge',
    '-p',
    '{"spec":{"replicas":5}}',
  ])
  assert.is(patched.code, 0, patched.stderr)
  const again = await home.run(['apply', '-f', 'sleeper.yaml'])
  assert.match(again.stdout, /service\/sleeper configured/)
  assert.match(
    (await home.run(['get', 'service', 'sleeper', '-o', 'jsonpath={.spec.replicas}'])).stdout,
    /^2$/,
  )
})

test('a store that turns to garbage is not overwritten, and what runs keeps running', async (context) => {
  const daemon = await start(context)
  const running = await applied(context)
  await daemon.stop()
  const file = join(context.home.state, 'store.db')
  const garbage = 'this is no database'.repeat(1000)
  writeFileSync(file, garbage)
  const up = await context.home.run(['up', '--runtime', 'process'])
  assert.is(up.code, 3, up.stderr)
  assert.match(up.stderr, /store\.db/)
  assert.is(readFileSync(file, 'utf8'), garbage)
  assert.ok(running.every(lives))
  for (const pid of running) process.kill(pid, 'SIGKILL')
})

test.run()
