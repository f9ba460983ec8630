/** Upgrades beneath what runs: of the store, of the program, of one process before the other. Nothing is restarted. */
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { STORE_LAYOUT } from '../../src/api/keys.ts'
import { LAYOUT_STEPS } from '../../src/api/upgrade/chain.ts'
import { systemClock } from '../../src/core/clock.ts'
import { isNsctlError } from '../../src/core/errors.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { runController } from '../../src/main/controller.ts'
import { upgradeStore } from '../../src/main/stores/upgrade.ts'
import { type OpenStoreOptions, openApiOver, openStore } from '../../src/main.ts'
import type { LayoutVersion } from '../../src/store/layout.ts'
import { openSqliteStore } from '../../src/store/sqlite/store.ts'
import { createHome, type Home, root } from '../commands/nsctl.ts'
import { downgradeFile } from '../store/previous-format.ts'
import { Running, until } from './processes.ts'

interface Context {
  home: Home
  store: string
  processes: Running[]
  /** Runs a command and expects it to succeed. */
  nsctl(line: string): Promise<string>
}

const test = suite<Context>('upgrades')
test.before.each((context) => {
  const home = createHome()
  context.home = home
  context.store = join(home.state, 'store.db')
  context.processes = []
  context.nsctl = async (line) => {
    const { code, stdout, stderr } = await home.run(line.split(' '))
    assert.is(code, 0, `${line}: ${stderr}`)
    return stdout
  }
})
test.after.each(async ({ home, processes }) => {
  for (const one of processes) await one.stop('SIGKILL')
  await home.run(['down'])
  home.remove()
})

function start(context: Context, words: readonly string[], program?: string): Running {
  const started = new Running(context.home, words, program === undefined ? undefined : [program])
  context.processes.push(started)
  return started
}

const up = (context: Context, program?: string) =>
  start(context, ['up', '--runtime', 'process'], program).says(/is ready after/)

/** Each start of a program is a line: its pid and when it began. */
const STARTS = 'starts'
const startsOf = ({ home }: Context) => readFileSync(join(home.folder, STARTS), 'utf8')

/** Two Services with two programs each, at their second revision; one was scaled. */
async function runSomething(context: Context): Promise<void> {
  const { home, nsctl } = context
  const note = JSON.stringify(join(home.folder, STARTS))
  home.write(
    'idle.js',
    `require('fs').appendFileSync(${note}, process.pid + ' ' + Date.now() + '\\n'); setInterval(() => {}, 1e6)\n`,
  )
  write(context, 9)
  await nsctl('apply -f idle.yaml')
  write(context, 8)
  await nsctl('apply -f idle.yaml')
  await nsctl('scale service two --replicas 3')
  await nsctl('label service two tier=x')
  for (const name of ['one', 'two']) await nsctl(`wait --for=condition=Ready service/${name} --timeout 30s`)
  await until(() => assert.is(startsOf(context).trim().split('\n').length, 5))
}

function write({ home }: Context, revisionHistoryLimit: number): void {
  const manifest = (name: string) => `apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  ${name === 'two' ? '' : 'replicas: 2'}
  revisionHistoryLimit: ${revisionHistoryLimit}
  template:
    source: {command: ["${process.execPath}", idle.js]}
    env: [{name: MODE}]
`
  home.write('idle.yaml', ['one', 'two'].map(manifest).join('---\n'))
}

/** Objects as people see them, without what counts writes or measures. */
async function picture({ nsctl }: Context): Promise<string> {
  const texts = await Promise.all([
    nsctl('get services -o yaml'),
    nsctl('get instances -o yaml'),
    nsctl('history service one -o json'),
    nsctl('history service two -o json'),
  ])
  return texts
    .join('\n')
    .replaceAll(/^ *(resourceVersion|cpuMillis|memoryBytes|lastHeartbeatTime): .*\n/gm, '')
}

async function settled({ nsctl }: Context): Promise<void> {
  for (const name of ['one', 'two']) await nsctl(`wait --for=condition=Ready service/${name} --timeout 30s`)
}

for (const [layout, refusal] of [
  ['2.0', 'layout 2.0, this nsctl writes layout 4.0'],
  ['1.0', 'format 2, this nsctl reads format 3'],
] as const)
  test(`a store of layout ${layout} is upgraded beneath what runs, and nothing of it is restarted`, async (context) => {
    const { home, store, nsctl } = context
    const first = await up(context)
    await runSomething(context)
    const starts = startsOf(context)
    const beside = await home.run(['store', 'upgrade'])
    assert.match(beside.stdout, /already: nothing to upgrade/, 'there is nothing to do beside a daemon')
    assert.is(await first.stop('SIGINT'), 0)

    await downgradeFile(store, layout)
    const before = await picture(context)
    assert.match(before, /- name: MODE\n +value: ""\n/)
    assert.not.match(await nsctl('get nodes -o yaml'), /recipient/)
    const refused = start(context, ['up', '--runtime', 'process'])
    assert.is(await refused.ended, 3)
    assert.match(refused.output, /^error: .*\nupgrade it: nsctl store upgrade\./)
    assert.ok(refused.output.includes(` has ${refusal}\n`), refused.output)
    assert.match(
      await nsctl('store upgrade'),
      /\nupgraded: \d+ keys \(\d+ objects, 4 revisions\) have layout 4\.0/,
    )
    await up(context)
    await settled(context)
    await until(async () => assert.match(await nsctl('get nodes -o yaml'), /recipient: age1/))
    assert.is(await picture(context), before)
    assert.is(startsOf(context), starts)
    for (const line of starts.trim().split('\n')) process.kill(Number(line.split(' ')[0]), 0)

    // two was scaled, which a manifest without replicas leaves alone
    assert.match(await nsctl('apply -f idle.yaml'), /0 created, 0 changed, 2 unchanged\n/)
    assert.is(await picture(context), before)
    assert.match(await nsctl('rollback service/one --to-revision 1'), /rolled back: r3 = r1 /)
    await settled(context)
    assert.is(startsOf(context), starts, 'the template is the same in both')
    await nsctl('store check')
  })

test('no upgrade begins beneath a daemon, nor does a daemon on what is half upgraded', async (context) => {
  const { home, store, nsctl } = context
  await nsctl('create namespace shop')
  await downgradeFile(store, '2.0')
  // a daemon that was there before: what it holds open is of the layout before
  const lease = {
    holder: { id: 'x', host: 'elsewhere', pid: 1, startTime: '1', bootId: 'elsewhere', about: {} },
    ...{ ttlMs: 60_000, epoch: 1, renewals: 0, renewedAtMs: Date.now() },
  }
  await plant(store, 'lease/leader/holder', JSON.stringify(lease))
  const { code, stderr } = await home.run(['store', 'upgrade'])
  assert.is(code, 4)
  assert.match(
    stderr,
    /^error: nsctl runs for the store \S+: pid 1 on elsewhere\nend it first .*what it runs goes on/,
  )
  assert.match(await nsctl('store upgrade --dry-run'), /has format 3 and layout 2\.0\nlayout 2\.0 → 3\.0/)

  await plant(store, 'lease/leader/holder', JSON.stringify({ ...lease, renewedAtMs: 0, ttlMs: 1_000 }))
  await nsctl('store upgrade')
  await plant(
    store,
    'store/layout',
    '{"layout":"4.0","upgrade":{"to":"4.0","since":"2026-11-20T19:00:00.000Z"}}',
  )
  for (const words of [['controller'], ['up', '--runtime', 'process']]) {
    const started = start(context, words)
    assert.is(await started.ended, 4, started.output)
    assert.match(started.output, /is half upgraded: its upgrade to layout 4\.0, begun at 2026/)
  }
})

/** Writes an entry beneath everything else, into a store of whichever layout. */
async function plant(path: string, key: string, value: string): Promise<void> {
  const store = await openSqliteStore({ path, clock: systemClock, logger: silentLogger, older: 'upgrade' })
  await store.commit([[{ kind: 'put', key, value }]])
  await store.close()
}

test('a standby that has waited through an upgrade that was cut off does not lead', async (context) => {
  const { store, nsctl } = context
  await nsctl('create namespace shop')
  const lease = {
    holder: { id: 'x', host: 'elsewhere', pid: 1, startTime: '1', bootId: 'elsewhere', about: {} },
    ...{ ttlMs: 2_000, epoch: 1, renewals: 0, renewedAtMs: 0 },
  }
  await plant(store, 'lease/leader/holder', JSON.stringify(lease))
  const waiting = await start(context, ['controller']).says(/standing by for pid 1 on elsewhere/)
  await plant(
    store,
    'store/layout',
    '{"layout":"4.0","upgrade":{"to":"4.0","since":"2026-11-20T19:00:00.000Z"}}',
  )
  assert.is(await waiting.ended, 4, waiting.output)
  assert.match(waiting.output, /is half upgraded/)
  assert.not.match(waiting.output, /leading, term/)
})

test('the program itself is replaced, and what it ran goes on', async (context) => {
  const { home } = context
  const [former, present] = ['former', 'present'].map((name) => installed(home, name))
  const first = await up(context, former)
  await runSomething(context)
  const [starts, before] = [startsOf(context), await picture(context)]
  assert.is(await first.stop('SIGTERM'), 0)
  const second = await up(context, present)
  await settled(context)
  // and one that is not given the time to stop in order
  await second.stop('SIGKILL')
  await up(context, former)
  await settled(context)
  assert.is(await picture(context), before)
  assert.is(startsOf(context), starts)
})

/** A copy of what is installed, in a place of its own. */
function installed(home: Home, name: string): string {
  const place = join(home.folder, name)
  mkdirSync(place)
  for (const part of ['bin', 'dist', 'package.json', 'crds'])
    if (existsSync(join(root, part))) cpSync(join(root, part), join(place, part), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'))
  return join(place, 'bin/nsctl')
}

const NEXT: LayoutVersion = { major: STORE_LAYOUT.major, minor: STORE_LAYOUT.minor + 1 }
const AFTER_NEXT: LayoutVersion = { major: STORE_LAYOUT.major, minor: STORE_LAYOUT.minor + 2 }
const minorStep = (from: LayoutVersion, to: LayoutVersion) => ({ from, to, summary: 'a field more' })
const STEPS = [...LAYOUT_STEPS, minorStep(STORE_LAYOUT, NEXT), minorStep(NEXT, AFTER_NEXT)]

function believing({ store }: Context, layout: LayoutVersion): OpenStoreOptions {
  return { env: {}, clock: systemClock, store: `sqlite:${store}`, layout }
}

function upgradeTo(context: Context, layout: LayoutVersion) {
  const signal = new AbortController().signal
  const steps = STEPS.filter(({ to }) => to.major < layout.major || to.minor <= layout.minor)
  return upgradeStore({ ...believing(context, layout), signal, steps, dryRun: false, backup: false })
}

/** Does `work` as a process that knows `layout`. */
async function as<T>(
  context: Context,
  layout: LayoutVersion,
  work: (api: Awaited<ReturnType<typeof openApiOver>>) => Promise<T>,
): Promise<T> {
  const store = await openStore(believing(context, layout))
  try {
    return await work(await openApiOver(store, systemClock))
  } finally {
    await store.close()
  }
}

test('processes one minor apart work on one store, and one that is two behind is stopped', async (context) => {
  const { home, nsctl } = context
  const daemon = await up(context)
  await runSomething(context)
  const starts = startsOf(context)
  const ref = { kind: 'Service', namespace: 'default', name: 'one' }
  const actor = { name: 'ada' }

  // the newer one asks for the store to be upgraded first, because others could not know what to expect
  const early = await as(context, NEXT, (api) => api.scale(ref, 1, { actor })).catch((error) => error)
  assert.ok(isNsctlError(early, 'StoreFormat'), String(early))
  assert.match(early.message, /has layout 4\.0, this nsctl writes layout 4\.1$/)
  // nothing is rewritten by a step to the next minor: the daemon goes on meanwhile
  assert.equal((await upgradeTo(context, NEXT)).to, NEXT)

  // what the newer one writes, a member included that this build does not know
  await addUnknown(context)
  await as(context, NEXT, (api) => api.scale(ref, 3, { actor }))
  await until(async () => assert.match(await nsctl('get svc one -o jsonpath={.status.ready}'), /^3\/3/))
  assert.match(await nsctl('label service one tier=front'), /labeled/)
  assert.match(await nsctl('apply -f idle.yaml'), /service\/one configured/)
  await until(async () => assert.match(await nsctl('get svc one -o jsonpath={.status.ready}'), /^2\/2/))
  const { spec, status } = JSON.parse(await nsctl('get svc one -o json'))
  assert.equal(
    [spec.newer, status.newer],
    ['spec', 'status'],
    'the daemon and the verbs have carried it along',
  )
  assert.is(startsOf(context).split('\n').slice(0, 5).join('\n'), starts.trim(), 'nothing was restarted')

  // a controller of the next minor, beside a daemon of this one that stays the machine's agent
  assert.is(await daemon.stop('SIGINT'), 0)
  const stop = new AbortController()
  const leading = Promise.withResolvers<void>()
  const controller = runController(
    {
      ...believing(context, NEXT),
      logger: silentLogger,
      onReady: () => {},
      onLeading: () => leading.resolve(),
    },
    stop.signal,
  )
  await leading.promise
  const agent = await up(context)
  await nsctl('scale service two --replicas 4')
  await until(async () => assert.match(await nsctl('get svc two -o jsonpath={.status.ready}'), /^4\/4/))
  stop.abort()
  await controller

  // ready is what was started, and that it has begun the program itself says a moment later
  const { items } = JSON.parse(await nsctl('get instances -o json'))
  await until(() => {
    for (const { status } of items) assert.match(startsOf(context), new RegExp(`^${status.pid} `, 'm'))
  })
  // two ahead: this build may neither read nor write any more, and what it runs goes on
  const all = startsOf(context)
  await upgradeTo(context, AFTER_NEXT)
  const { code, stderr } = await home.run(['scale', 'service', 'two', '--replicas', '1'])
  assert.is(code, 3)
  assert.match(stderr, /^error: the store \S+ has layout 4\.2, this nsctl reads layouts up to 4\.1\n/)
  assert.is(await agent.ended, 3, agent.output)
  assert.match(agent.output, /has layout 4\.2, this nsctl reads layouts up to 4\.1/)
  assert.is(startsOf(context), all)
  for (const line of all.trim().split('\n').slice(0, 2)) process.kill(Number(line.split(' ')[0]), 0)
})

/** As a newer one would have: in spec and in status. */
async function addUnknown(context: Context): Promise<void> {
  const store = await openStore(believing(context, NEXT))
  try {
    const key = 'obj/nsctl.dev/services/default/one'
    await until(async () => {
      const entry = await store.get(key)
      const object = JSON.parse(entry?.value ?? '')
      const value = JSON.stringify({
        ...object,
        spec: { ...object.spec, newer: 'spec' },
        status: { ...object.status, newer: 'status' },
      })
      const [result] = await store.commit([[{ kind: 'put', key, value, expect: entry?.revision ?? 0 }]])
      assert.is(result?.kind, 'committed')
    })
  } finally {
    await store.close()
  }
}

test.run()
