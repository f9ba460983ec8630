/** Moving a store beneath a program that runs: refused while a daemon acts, and the program outlives the move. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root } from './nsctl.ts'

const home = createHome()
const run = (line: string) => home.run(line.split(' '))
const daemons: ChildProcess[] = []

/** A daemon that is ready. */
async function up(...more: readonly string[]): Promise<ChildProcess> {
  const daemon = spawn(join(root, 'bin/nsctl'), ['up', '--runtime', 'process', ...more], {
    cwd: home.folder,
    env: { PATH: process.env.PATH, HOME: home.folder, NSCTL_HOME: home.state },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  daemons.push(daemon)
  let seen = ''
  await new Promise<void>((settle, reject) => {
    daemon.stdout?.on('data', (data) => {
      seen += data
      if (seen.includes('is ready')) settle()
    })
    daemon.stderr?.on('data', (data) => {
      seen += data
    })
    daemon.on('close', () => reject(new Error(`the daemon ended: ${seen}`)))
  })
  return daemon
}

async function end(daemon: ChildProcess): Promise<void> {
  if (daemon.exitCode !== null || daemon.signalCode !== null) return
  const ended = new Promise((settle) => daemon.on('close', settle))
  daemon.kill('SIGINT')
  await ended
}

test.after(async () => {
  for (const daemon of daemons) await end(daemon)
  for (const store of [`sqlite:${home.folder}/b.db`, `sqlite:${home.state}/store.db`])
    await run(`down --store ${store}`)
  home.remove()
})

test('a store is moved, and what runs goes on under the new one', async () => {
  const note = JSON.stringify(join(home.folder, 'pids'))
  home.write(
    'idle.js',
    `require('fs').appendFileSync(${note}, process.pid + ' '); setInterval(() => {}, 1e6)\n`,
  )
  home.write(
    'idle.yaml',
    `apiVersion: nsctl.dev/v1alpha1\nkind: Service\nmetadata: {name: idle}\nspec:\n  template:\n    source: {command: ["${process.execPath}", idle.js]}\n`,
  )
  const first = await up()
  const applied = await run('apply -f idle.yaml')
  assert.is(applied.code, 0, applied.stderr)
  const ready = await run('wait --for=condition=Ready service/idle --timeout 20s')
  assert.is(ready.code, 0, ready.stderr)
  const pids = () => readFileSync(join(home.folder, 'pids'), 'utf8')
  const before = pids()

  for (const line of [
    'store migrate --to sqlite:b.db',
    'store migrate --to sqlite:b.db --dry-run',
    'store import x.export --replace',
  ]) {
    if (line.includes('import'))
      assert.is((await run('store export x.export')).code, 0, 'an export beside a daemon')
    const { code, stderr } = await run(line)
    assert.is(code, 4, line)
    assert.match(
      stderr,
      /^error: nsctl runs for the store sqlite:\S+: pid \d+ on \S+\nend it first .* what it runs goes on/,
    )
  }
  assert.not.ok(existsSync(join(home.folder, 'b.db')))
  assert.is((await run('store check')).stdout.split(' ').slice(0, 3).join(' '), 'nothing is wrong')

  await end(first)
  const moved = await run('store migrate --to sqlite:b.db')
  assert.is(moved.code, 0, moved.stderr)
  assert.match(moved.stdout, /\nthis machine’s programs belong to sqlite:\S+b\.db from now on\n/)
  const old = await run('up --runtime process')
  assert.is(old.code, 4, 'the old store would end what the new one wants')
  assert.match(old.stderr, /programs belong to the store sqlite:\S+b\.db/)

  await up('--store', `sqlite:${home.folder}/b.db`)
  const again = await run(
    `wait --for=condition=Ready service/idle --timeout 20s --store sqlite:${home.folder}/b.db`,
  )
  assert.is(again.code, 0, again.stderr)
  assert.is(
    (await run('--store sqlite:b.db get inst -o jsonpath={.items[*].status.restarts}')).stdout.trim(),
    '0',
  )
  assert.is(pids(), before, 'the program was started anew')
  assert.is((await run('--store sqlite:b.db store check')).code, 0)
})

test.run()
