/** What commands say when the store, the daemon or Node itself is not as it should be. */
import { spawn, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../parts.ts'
import { createHome, type Home, root, service } from './nsctl.ts'
import { openShop } from './shop.ts'

async function withHome(run: (home: Home) => Promise<void>): Promise<void> {
  const home = createHome()
  try {
    await run(home)
  } finally {
    home.remove()
  }
}

async function withService(home: Home): Promise<string> {
  home.write('web.yaml', service('web'))
  assert.is((await home.run(['apply', '-f', 'web.yaml'])).code, 0)
  return join(home.state, 'store.db')
}

test('no store: reading says where it would be and makes none', () =>
  withHome(async (home) => {
    const { code, stderr } = await home.run(['get', 'svc'])
    assert.is(code, 3)
    assert.match(stderr, `error: there is no store at ${join(home.state, 'store.db')}\n`)
    assert.is((await home.run(['get', 'svc'])).code, 3)
  }))

test('no store: diff and a dry run compare with nothing', () =>
  withHome(async (home) => {
    home.write('web.yaml', service('web'))
    const diff = await home.run(['diff', '-f', 'web.yaml'])
    assert.is(diff.code, 1)
    assert.match(diff.stdout, /1 service would be created\n$/)
    const dry = await home.run(['apply', '-f', 'web.yaml', '--dry-run'])
    assert.equal(
      [dry.code, dry.stdout.split('\n')[0]],
      [0, 'service/web created   2 replicas, rolling (dry run)'],
    )
    assert.is((await home.run(['get', 'svc'])).code, 3)
  }))

test('no daemon: changes and shown status say so, on standard error', () =>
  withHome(async (home) => {
    home.write('web.yaml', service('web'))
    const applied = await home.run(['apply', '-f', 'web.yaml'])
    assert.is(applied.stderr, 'nobody is acting on this: start it with nsctl up\n')
    assert.is((await home.run(['apply', '-f', 'web.yaml'])).stderr, '')
    assert.match((await home.run(['get', 'svc'])).stderr, /^status is stale: nsctl is not running/)
    const deleted = await home.run(['delete', 'svc', 'web'])
    assert.equal([deleted.code, deleted.stdout], [0, 'service/web deleted\n'])
    assert.match(deleted.stderr, /^nobody is acting on this/)
  }))

for (const args of [
  ['apply', '-f', 'web.yaml'],
  ['up', '--runtime', 'process'],
  ['up', '--runtime', 'process', '--store', 'sqlite:store.db'],
])
  needs(
    test,
    process.platform === 'linux',
    '/proc',
  )(`nsctl ${args.join(' ')} with a home that can never be made says so at once`, () =>
    withHome(async (home) => {
      home.write('web.yaml', service('web'))
      const { status, stderr } = spawnSync(join(root, 'bin/nsctl'), args, {
        cwd: home.folder,
        env: { PATH: process.env.PATH, NSCTL_HOME: '/proc/nowhere/nsctl' },
        encoding: 'utf8',
        timeout: 10_000,
        killSignal: 'SIGKILL',
      })
      assert.is(status, 3, stderr)
      assert.match(stderr, /^error: the folder \/proc\/nowhere\/nsctl.* cannot be made: ENOENT/m)
      assert.match(stderr, /\$NSCTL_HOME/)
    }),
  )

test('a store that another process has locked', () =>
  withHome(async (home) => {
    const path = await withService(home)
    const holder = new DatabaseSync(path)
    holder.exec('BEGIN EXCLUSIVE')
    try {
      home.write('mail.yaml', service('mail'))
      const { code, stderr } = await home.run(['apply', '-f', 'mail.yaml'])
      assert.is(code, 3)
      assert.match(stderr, /^error: .*locked/)
    } finally {
      holder.exec('ROLLBACK')
      holder.close()
    }
    assert.is((await home.run(['get', 'svc', '-o', 'name'])).stdout, 'service/web\n')
  }))

test('a store that is no store is refused and left as it is', () =>
  withHome(async (home) => {
    mkdirSync(home.state)
    const path = join(home.state, 'store.db')
    writeFileSync(path, 'this is my diary\n'.repeat(300))
    const before = readFileSync(path)
    home.write('web.yaml', service('web'))
    for (const line of [
      ['get', 'svc'],
      ['apply', '-f', 'web.yaml'],
    ]) {
      const { code, stderr } = await home.run(line)
      assert.is(code, 3)
      assert.match(stderr, new RegExp(`^error: .*${path}`))
      assert.ok(stderr.trim().split('\n').length > 1, 'says what to do')
    }
    assert.equal(readFileSync(path), before)
  }))

test('a store of another format version is refused', () =>
  withHome(async (home) => {
    const path = await withService(home)
    const db = new DatabaseSync(path)
    db.exec('PRAGMA user_version = 999')
    db.close()
    const { code, stderr } = await home.run(['get', 'svc'])
    assert.is(code, 3)
    assert.match(stderr, /^error: .*999/)
  }))

test('an engine that is not built in', () =>
  withHome(async (home) => {
    const { code, stderr } = await home.run(['get', 'svc'], {
      env: { NSCTL_STORE: 'https://127.0.0.1:8500' },
    })
    assert.is(code, 2)
    assert.match(stderr, /not built in yet/)
  }))

test('a Consul where nobody listens ends reading and writing with 3 and the address', () =>
  withHome(async (home) => {
    home.write('web.yaml', service('web'))
    for (const verb of [
      ['get', 'svc'],
      ['apply', '-f', 'web.yaml'],
    ]) {
      const { code, stderr } = await home.run([...verb, '--store', 'consul://127.0.0.1:1/nsctl'])
      assert.is(code, 3)
      assert.match(
        stderr,
        /^error: the store consul:\/\/127\.0\.0\.1:1\/nsctl cannot be reached: nothing listens/,
      )
    }
  }))

test('a reader that has gone is no error', () =>
  withHome(async (home) => {
    const manifests = Array.from({ length: 200 }, (_, n) => service(`web-${n}`)).join('---\n')
    home.write('many.yaml', manifests)
    assert.is((await home.run(['apply', '-f', 'many.yaml'])).code, 0)
    const { stderr, stdout } = spawnSync(
      'sh',
      ['-c', `"${root}/bin/nsctl" get svc -o yaml 2>err | head -1; cat err`],
      { cwd: home.folder, env: { PATH: process.env.PATH, NSCTL_HOME: home.state }, encoding: 'utf8' },
    )
    assert.match(stdout, /^apiVersion: v1\n/)
    assert.not.match(stdout + stderr, /EPIPE|bug of nsctl/)
  }))

/** Starts nsctl and leaves it running. */
function start(home: Home, args: readonly string[]) {
  const child = spawn(join(root, 'bin/nsctl'), args, {
    cwd: home.folder,
    env: {
      PATH: process.env.PATH,
      HOME: home.folder,
      NSCTL_HOME: home.state,
      NSCTL_DEBUG_LOADED: join(home.folder, 'loaded'),
    },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((settle) => child.on('close', settle))
  let seen = ''
  let wake = () => {}
  child.stdout.on('data', (data: Buffer) => {
    seen += data
    wake()
  })
  const until = async (text: string) => {
    while (!seen.includes(text)) await new Promise<void>((settle) => (wake = settle))
    return seen
  }
  return { child, ended, until }
}

test('a watch shows what is there, what changes and what is on its way out, until Ctrl-C ends it with 130', () =>
  withHome(async (home) => {
    await withService(home)
    const { child, ended, until } = start(home, ['get', 'svc', '-w', '-o', 'name'])
    await until('service/web\n')
    home.write('mail.yaml', service('mail'))
    await home.run(['apply', '-f', 'mail.yaml'])
    await until('service/web\nservice/mail\n')
    await home.run(['delete', 'svc', 'web', '--cascade=orphan'])
    assert.is(
      await until('service/web\nservice/mail\nservice/web\n'),
      'service/web\nservice/mail\nservice/web\n',
    )
    child.kill('SIGINT')
    assert.is(await ended, 130)
  }))

test('watching what is not there is refused, and web-0 is watched by its full name', async () => {
  const shop = await openShop()
  for (const flag of ['-w', '--watch-only']) {
    const ran = await shop.run(['get', 'svc', 'nope', flag])
    assert.equal([ran.code, ran.stdout], [1, ''])
    assert.match(ran.stderr, /service\/nope not found in namespace default/)
  }
  const name = await shop.addInstance('web', 0, 'aaaaa')
  const stop = new AbortController()
  const seen = await shop.run(['get', 'inst', 'web-0', '-w', '-o', 'name'], {
    signal: stop.signal,
    onOutput: () => stop.abort(),
  })
  assert.is(seen.stdout, `instance/${name}\n`)
})

test('--watch-only leaves out what is there, and a table has its heading once', () =>
  withHome(async (home) => {
    await withService(home)
    const { child, ended, until } = start(home, ['get', 'svc', '--watch-only'])
    // the watch begins at some time from now on: change things until it has seen one
    const applying = setInterval(() => {
      home.write(
        'mail.yaml',
        service('mail').replace('replicas: 2', `replicas: ${Math.ceil(Math.random() * 9999)}`),
      )
      void home.run(['apply', '-f', 'mail.yaml'])
    }, 300)
    const seen = await until('mail ')
    clearInterval(applying)
    assert.match(seen, /^NAME .*\nmail /)
    assert.not.match(seen, 'web')
    child.kill('SIGINT')
    assert.is(await ended, 130)
  }))

test('Ctrl-C ends what waits for standard input with 130', () =>
  withHome(async (home) => {
    const { child, ended } = start(home, ['apply', '-f', '-'])
    // far more than a pipe holds: once it is written, somebody reads
    await new Promise((settle) => child.stdin.write(`# ${'x'.repeat(4_000_000)}\n`, settle))
    child.kill('SIGINT')
    assert.is(await ended, 130)
  }))

/** A copy of what an installation has, with parts left out. */
function installation(parts: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'nsctl-installed-'))
  for (const part of parts) cpSync(join(root, part), join(folder, part), { recursive: true })
  return folder
}

const bare = (folder: string, path = '/usr/bin:/bin') =>
  spawnSync(join(folder, 'bin/nsctl'), ['version', '--client'], { encoding: 'utf8', env: { PATH: path } })

test('without Node 24 the launcher says what to install', () => {
  const folder = installation(['bin'])
  try {
    mkdirSync(join(folder, 'path'))
    writeFileSync(join(folder, 'path/node'), '#!/bin/sh\necho 20\n')
    chmodSync(join(folder, 'path/node'), 0o755)
    const { status, stderr } = bare(folder, `${join(folder, 'path')}:/nonexistent`)
    assert.is(status, 3)
    assert.match(
      stderr,
      /error: nsctl needs Node 24 or newer, and there is only Node 20 here\nrun npm ci in /,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('unbuilt, the launcher says how to build', () => {
  const folder = installation(['bin'])
  try {
    mkdirSync(join(folder, 'node_modules/node/bin'), { recursive: true })
    symlinkSync(process.execPath, join(folder, 'node_modules/node/bin/node'))
    const { status, stderr } = bare(folder)
    assert.is(status, 3)
    assert.match(stderr, /error: nsctl is not built/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('started through links, with a code cache that fits nothing, it works', () => {
  const folder = installation(['bin', 'dist'])
  try {
    mkdirSync(join(folder, 'node_modules/node/bin'), { recursive: true })
    symlinkSync(process.execPath, join(folder, 'node_modules/node/bin/node'))
    const caches = readdirSync(join(folder, 'dist')).filter((file) => file.endsWith('.cache'))
    assert.ok(caches.length > 0, 'there are code caches')
    for (const cache of caches) writeFileSync(join(folder, 'dist', cache), 'rubbish')
    symlinkSync('bin/nsctl', join(folder, 'a'))
    symlinkSync(join(folder, 'a'), join(folder, 'b'))
    const { status, stdout } = spawnSync(join(folder, 'b'), ['version', '--client'], { encoding: 'utf8' })
    assert.equal([status, /^Client: nsctl /.test(stdout)], [0, true])
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
