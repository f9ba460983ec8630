/** A disk that is full beneath a running daemon: refused with what to do, nothing lost, well again once there is room. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root } from '../commands/nsctl.ts'
import { needs } from '../parts.ts'

const isRoot = process.getuid?.() === 0

async function until(check: () => Promise<void> | void): Promise<void> {
  const deadline = performance.now() + 20_000
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const manifest = (name: string, value: string) =>
  JSON.stringify({
    apiVersion: 'nsctl.dev/v1alpha1',
    kind: 'Service',
    metadata: { name },
    spec: {
      template: { source: { command: ['sleep', '1000'], workingDir: '/' }, env: [{ name: 'A', value }] },
    },
  })

needs(
  test,
  isRoot,
  'root, for a tmpfs',
)('a full disk', async () => {
  const home = createHome()
  mkdirSync(home.state)
  assert.is(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,mode=0700', 'tmpfs', home.state]).status, 0)
  const env = { PATH: process.env.PATH, HOME: home.folder, NSCTL_HOME: home.state }
  const daemon = spawn(join(root, 'bin/nsctl'), ['up', '--runtime', 'process', '--own'], {
    env,
    stdio: 'ignore',
  })
  const ended = new Promise((resolve) => daemon.once('exit', resolve))
  try {
    await until(async () => assert.match((await home.run(['version'])).stdout, /Daemon: nsctl \d/))
    home.write('one.json', manifest('one', 'first'))
    assert.is((await home.run(['apply', '-f', 'one.json'])).code, 0)
    await until(async () =>
      assert.is((await home.run(['get', 'svc', 'one', '-o', 'jsonpath={.status.ready}'])).stdout, '1/1'),
    )

    const filler = join(home.state, 'filler')
    spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'])
    assert.is(statfsSync(home.state).bavail, 0, 'the disk is not full: the test would show nothing')
    // larger than any room that the store may have left in its own pages
    let refused = { code: 0 as number | null, stderr: '' }
    for (let turn = 0; turn < 200 && refused.code === 0; turn++) {
      home.write('big.json', manifest(`big-${turn}`, 'x'.repeat(60_000)))
      refused = await home.run(['apply', '-f', 'big.json'])
    }
    assert.is(refused.code, 3, refused.stderr)
    assert.match(refused.stderr, /full/)
    assert.match(refused.stderr, new RegExp(home.state))
    // reading goes on, and so does what runs
    assert.is((await home.run(['get', 'svc', 'one', '-o', 'jsonpath={.status.ready}'])).stdout, '1/1')
    assert.is(daemon.exitCode, null)

    rmSync(filler)
    home.write('after.json', manifest('after', 'room'))
    const after = await home.run(['apply', '-f', 'after.json'])
    assert.is(after.code, 0, after.stderr)
    await until(async () =>
      assert.is((await home.run(['get', 'svc', 'after', '-o', 'jsonpath={.status.ready}'])).stdout, '1/1'),
    )
  } finally {
    daemon.kill('SIGTERM')
    await ended
    await home.run(['down', '--purge'])
    spawnSync('umount', ['-l', home.state])
    home.remove()
  }
})

test.run()
