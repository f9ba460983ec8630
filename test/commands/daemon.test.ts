/** The verbs beside a running daemon, on plain processes. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root } from './nsctl.ts'

const home = createHome()
const run = (line: string) => home.run(line.split(' '))
const daemon = spawn(join(root, 'bin/nsctl'), ['up', '--own', '--runtime', 'process'], {
  cwd: home.folder,
  env: { PATH: process.env.PATH, HOME: home.folder, NSCTL_HOME: home.state },
  stdio: ['ignore', 'pipe', 'pipe'],
})
const ended = new Promise<number | null>((settle) => daemon.on('close', settle))

test.before(async () => {
  let seen = ''
  await new Promise<void>((settle, reject) => {
    daemon.stdout.on('data', (data) => {
      seen += data
      if (seen.includes('is ready')) settle()
    })
    daemon.stderr.on('data', (data) => {
      seen += data
    })
    daemon.on('close', () => reject(new Error(`the daemon ended: ${seen}`)))
  })
})

test.after(async () => {
  daemon.kill('SIGINT')
  await ended
  home.remove()
})

/** A program that serves nothing, and one that takes its time to end. */
home.write('idle.js', 'setInterval(() => {}, 1e6)\n')
home.write('stubborn.js', "process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1e6)\n")
const manifest = (name: string, more = '') =>
  `apiVersion: nsctl.dev/v1alpha1\nkind: Service\nmetadata: {name: ${name}}\nspec:\n  template:\n    source: {command: ["${process.execPath}", ${name}.js]}\n${more}`

test('what changes is acted on, and nothing is called stale', async () => {
  home.write('idle.yaml', manifest('idle'))
  const applied = await run('apply -f idle.yaml')
  assert.equal([applied.code, applied.stderr], [0, ''])
  assert.is((await run('wait --for=condition=Ready service/idle --timeout 20s')).code, 0)
  const { stdout, stderr } = await run('get svc idle')
  assert.is(stderr, '')
  assert.match(stdout, /^NAME +READY .*\nidle +1\/1 +1 +r1 /)
  assert.match((await run('get inst idle-0 -o name')).stdout, /^instance\/idle-0-\w{5}\n$/)
  assert.match((await run('version')).stdout, /\nDaemon: nsctl \S+ \(pid \d+, process\)\n$/)
})

test('delete waits until all of it is gone', async () => {
  const deleted = await run('delete service idle')
  assert.equal([deleted.code, deleted.stdout, deleted.stderr], [0, 'service/idle deleted\n', ''])
  assert.is((await run('get svc,inst -o name')).stdout, '')
})

test('delete says what is still there when the time is over, and the deletion goes on', async () => {
  home.write('stubborn.yaml', manifest('stubborn', '    stop: {gracePeriod: 3s}\n'))
  await run('apply -f stubborn.yaml')
  assert.is((await run('wait --for=condition=Ready service/stubborn --timeout 20s')).code, 0)
  for (let log = ''; !log.includes('up'); ) log = (await run('logs svc/stubborn')).stdout
  const late = await run('delete service stubborn --timeout 100ms')
  assert.is(late.code, 1)
  assert.match(late.stderr, /^error: still there after the time that --timeout gave: service\/stubborn\n/)
  assert.is((await run('delete service stubborn --wait=false')).code, 0)
  assert.is((await run('delete service stubborn --timeout 30s')).code, 0)
  assert.is((await run('get svc,inst -o name')).stdout, '')
})

test('a second daemon is refused', async () => {
  const { code, stderr } = await run('up --runtime process')
  assert.is(code, 4)
  assert.match(stderr, /^error: .*already runs/)
})

test.run()
