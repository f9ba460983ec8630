/** A store beneath processes that act on it: it is not filled under them, nor do they act on half of one; what runs outlives its move. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/logger.ts'
import { openSqliteStore } from '../../src/store/sqlite/store.ts'
import { createHome, type Home } from '../commands/nsctl.ts'
import { Running } from './processes.ts'

interface Context {
  home: Home
  processes: Running[]
}

const test = suite<Context>('store move')
test.before.each((context) => {
  context.home = createHome()
  context.processes = []
})
test.after.each(async ({ home, processes }) => {
  for (const one of processes) await one.stop('SIGKILL')
  for (const store of [join(home.folder, 'b.db'), join(home.state, 'store.db')])
    await home.run(['down', '--store', `sqlite:${store}`])
  home.remove()
})

function start({ home, processes }: Context, ...words: readonly string[]): Running {
  const started = new Running(home, words)
  processes.push(started)
  return started
}

const up = (context: Context, ...words: readonly string[]) =>
  start(context, 'up', '--runtime', 'process', ...words).says(/is ready after/)

test('a store is moved, and what runs goes on under the new one', async (context) => {
  const { home } = context
  const run = (line: string) => home.run(line.split(' '))
  const note = join(home.folder, 'pids')
  home.write(
    'idle.js',
    `require('fs').appendFileSync(${JSON.stringify(note)}, process.pid + ' '); setInterval(() => {}, 1e6)\n`,
  )
  home.write(
    'idle.yaml',
    `apiVersion: nsctl.dev/v1alpha1\nkind: Service\nmetadata: {name: idle}\nspec:\n  template:\n    source: {command: ["${process.execPath}", idle.js]}\n`,
  )
  const first = await up(context)
  const applied = await run('apply -f idle.yaml')
  assert.is(applied.code, 0, applied.stderr)
  const ready = await run('wait --for=condition=Ready service/idle --timeout 20s')
  assert.is(ready.code, 0, ready.stderr)
  const pids = readFileSync(note, 'utf8')

  assert.is((await run('store check')).code, 0, 'a check beside a daemon')
  assert.is((await run('store export x.export')).code, 0, 'an export beside a daemon')
  for (const line of [
    'store migrate --to sqlite:b.db',
    'store migrate --to sqlite:b.db --dry-run',
    'store import x.export --replace',
  ]) {
    const { code, stderr } = await run(line)
    assert.is(code, 4, line)
    assert.match(
      stderr,
      /^error: nsctl runs for the store sqlite:\S+: pid \d+ on \S+\nend it first .*what it runs goes on/,
    )
  }
  assert.not.ok(existsSync(join(home.folder, 'b.db')))

  await first.stop('SIGINT')
  const moved = await run('store migrate --to sqlite:b.db')
  assert.is(moved.code, 0, moved.stderr)
  assert.match(moved.stdout, /\nthis machine’s programs belong to sqlite:\S+b\.db from now on\n/)
  const old = await run('up --runtime process')
  assert.is(old.code, 4, 'the old store would end what the new one wants')
  assert.match(old.stderr, /programs belong to the store sqlite:\S+b\.db/)

  await up(context, '--store', 'sqlite:b.db')
  const again = await run('wait --for=condition=Ready service/idle --timeout 20s --store sqlite:b.db')
  assert.is(again.code, 0, again.stderr)
  assert.is(readFileSync(note, 'utf8'), pids, 'the program was started anew')
  assert.is((await run('--store sqlite:b.db store check')).code, 0)
})

test('controllers do not act on a store that is half filled', async (context) => {
  const { home } = context
  assert.is((await home.run(['create', 'namespace', 'shop'])).code, 0)
  const value = JSON.stringify({ from: 'x.export', since: '2026-11-20T18:00:00.000Z' })
  await plant(home, { key: 'import/unfinished', value })
  for (const words of [['controller'], ['up', '--runtime', 'process']]) {
    const started = start(context, ...words)
    assert.is(await started.ended, 4, started.output)
    assert.match(started.output, /is half filled: the import of x\.export/)
  }
})

test('nor does one that has waited for the lease of an import that was cut off', async (context) => {
  const { home } = context
  assert.is((await home.run(['create', 'namespace', 'shop'])).code, 0)
  // of another machine, so that nobody can know whether it lives
  const holder = { id: 'x', host: 'elsewhere', pid: 1, startTime: '1', bootId: 'elsewhere', about: {} }
  const lease = { holder, ttlMs: 2_000, epoch: 1, renewals: 0, renewedAtMs: 0 }
  await plant(home, { key: 'lease/leader/holder', value: JSON.stringify(lease) })
  const waiting = await start(context, 'controller').says(/standing by for pid 1 on elsewhere/)
  await plant(home, { key: 'import/unfinished', value: '{}' })
  assert.is(await waiting.ended, 4, waiting.output)
  assert.match(waiting.output, /is half filled: the import of an unknown source/)
  assert.not.match(waiting.output, /leading, term/)
})

/** Writes an entry beneath everything else. */
async function plant(home: Home, entry: { readonly key: string; readonly value: string }): Promise<void> {
  const store = await openSqliteStore({
    path: join(home.state, 'store.db'),
    clock: systemClock,
    logger: silentLogger,
  })
  await store.commit([[{ kind: 'put', key: entry.key, value: entry.value }]])
  await store.close()
}

test.run()
