/** Contexts, as people use them: with the real executable, and a store for each. */
import { spawn } from 'node:child_process'
import { chmodSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, type Home, root, service } from './nsctl.ts'

async function withHome(run: (home: Home) => Promise<void>): Promise<void> {
  const home = createHome()
  try {
    await run(home)
  } finally {
    home.remove()
  }
}

const FILE = '.config/nsctl/config'

async function must(home: Home, line: string): Promise<string> {
  const { code, stdout, stderr } = await home.run(line.split(' '))
  assert.is(code, 0, `${line}: ${stderr}`)
  return stdout
}

/** Two stores, each with one service that is called like it, in namespace shop of dev and default of lab. */
async function withContexts(home: Home): Promise<void> {
  await must(home, 'config set-context dev --store sqlite:./dev.db --namespace shop')
  await must(home, 'config set-context lab --store lab/../lab.db')
  home.write('dev.yaml', service('in-dev'))
  home.write('lab.yaml', service('in-lab'))
  await must(home, '--context dev create ns shop')
  await must(home, '--context dev apply -f dev.yaml')
  await must(home, '--context lab apply -f lab.yaml')
  await must(home, 'config use-context dev')
}

test('the store is chosen by --store, --context, $NSCTL_STORE, the current context, else it is the embedded one', () =>
  withHome(async (home) => {
    await withContexts(home)
    const names = async (line: string, env = {}) =>
      (await home.run([...line.split(' '), '-o', 'name'], { env })).stdout.trim()
    const other = { NSCTL_STORE: 'sqlite:lab.db' }
    assert.is(await names('get svc'), 'service/in-dev')
    assert.is(await names('get svc --context lab'), 'service/in-lab')
    assert.is(await names('get svc', other), 'service/in-lab')
    assert.is(await names('--context=dev get svc', other), 'service/in-dev')
    assert.is(await names('get svc --store ./lab.db'), 'service/in-lab')
    assert.is(await names('get svc -n default'), '')
    const embedded = await home.run(['get', 'svc'], { env: { NSCTL_CONFIG: 'none' } })
    assert.match(embedded.stderr, `there is no store at ${join(home.state, 'store.db')}`)
  }))

test('contexts are listed, shown, renamed and forgotten', () =>
  withHome(async (home) => {
    await withContexts(home)
    const dev = `sqlite:${home.folder}/dev.db`
    assert.is(
      await must(home, 'config get-contexts'),
      `CURRENT   NAME   STORE${' '.repeat(dev.length - 2)}NAMESPACE\n*         dev    ${dev}   shop\n          lab    sqlite:${home.folder}/lab.db\n`,
    )
    assert.is(await must(home, 'config get-contexts lab -o name'), 'lab\n')
    assert.is(await must(home, 'config current-context'), 'dev\n')
    assert.is(await must(home, 'config rename-context dev work'), 'context/dev renamed to work\n')
    assert.is(await must(home, 'config current-context'), 'work\n')
    assert.match(await must(home, 'config set-context --current -n team'), /^context\/work changed/)
    assert.match(await must(home, 'config set-context work -n team'), /^context\/work unchanged/)
    const view = JSON.parse(await must(home, 'config view -o json'))
    assert.equal(
      [view.kind, view['current-context'], view.contexts[0]],
      ['Config', 'work', { name: 'work', context: { store: dev, namespace: 'team' } }],
    )
    assert.is(await must(home, 'config view'), readFileSync(join(home.folder, FILE), 'utf8'))
    assert.is(statSync(join(home.folder, FILE)).mode & 0o777, 0o600)
    const deleted = await home.run(['config', 'delete-context', 'work'])
    assert.match(deleted.stdout, 'context/work deleted from')
    assert.match(deleted.stderr, 'it was the current one')
    const none = await home.run(['config', 'current-context'])
    assert.equal([none.code, none.stdout], [1, ''])
  }))

for (const c of [
  {
    line: 'config use-context lba',
    code: 1,
    says: /there is no context "lba" in .*\ndid you mean lab\? there are lab, dev\n/,
  },
  {
    line: 'config delete-context nope',
    code: 1,
    says: /there is no context "nope" in .*\nthere are dev, lab\n/,
  },
  { line: 'config rename-context dev lab', code: 4, says: /there is a context lab in .* already/ },
  { line: 'config rename-context dev -- -x', code: 2, says: /not a name for a context: "-x"/ },
  { line: 'config set-context new', code: 2, says: /the context new has no store\nsay --store URL/ },
  { line: 'config set-context new --store bogus:x', code: 2, says: /unknown engine bogus/ },
  { line: 'config set-context dev --store=', code: 2, says: /the context dev has no store/ },
  { line: 'config set-context', code: 2, says: /name a context, or say --current/ },
  { line: 'config set-context dev --current', code: 2, says: /name a context, or say --current/ },
  { line: 'get svc --context lba', code: 2, says: /there is no context "lba" in .*\ndid you mean lab\?/ },
  { line: 'get svc --context dev --store x.db', code: 2, says: /--store and --context exclude each other/ },
])
  test(`nsctl ${c.line} is refused`, () =>
    withHome(async (home) => {
      for (const name of ['dev', 'lab']) await must(home, `config set-context ${name} --store ${name}/a.db`)
      const before = readFileSync(join(home.folder, FILE), 'utf8')
      const { code, stderr } = await home.run(c.line.split(' '))
      assert.is(code, c.code, stderr)
      assert.match(stderr, c.says)
      assert.is(readFileSync(join(home.folder, FILE), 'utf8'), before)
    }))

test('an error of the store says which context chose it', () =>
  withHome(async (home) => {
    await must(home, 'config set-context gone --store ./gone.db')
    const { code, stderr } = await home.run(['--context', 'gone', 'get', 'svc'])
    assert.is(code, 3)
    assert.match(
      stderr,
      /there is no store at .*gone\.db\n.*\nContext: gone \(from .*\.config\/nsctl\/config\)\n$/,
    )
  }))

test('a server that is not there: its address, and which context it is from', () =>
  withHome(async (home) => {
    await must(home, 'config set-context prod --store consul://127.0.0.1:1/nsctl --namespace shop')
    await must(home, 'config use-context prod')
    const { code, stderr } = await home.run(['get', 'svc'])
    assert.is(code, 3, stderr)
    assert.match(stderr, /^error: .*127\.0\.0\.1:1/)
    assert.match(stderr, /\nContext: prod \(from .*\/config\)\n$/)
  }))

test('credentials are a context’s: a token file that cannot be read is that of the context, not of the environment', () =>
  withHome(async (home) => {
    const store = 'consul://127.0.0.1:1/nsctl'
    await must(home, `config set-context prod --store ${store} --token-file secrets/token`)
    const env = { CONSUL_HTTP_TOKEN_FILE: '/environment/token' }
    assert.match(
      (await home.run(['get', 'svc', '--context', 'prod'], { env })).stderr,
      `${home.folder}/secrets/token`,
    )
    const other = await home.run(['get', 'svc', '--store', store], { env })
    assert.match(other.stderr, '/environment/token')
    assert.not.match(other.stderr, 'secrets')
  }))

for (const c of [
  { line: 'up --runtime process', says: / {2}store {4}sqlite:.*\/a\.db {3}context a \(from .*\/config\)\n/ },
  { line: 'controller', says: /controller of sqlite:.*\/a\.db, context a \(from .*\/config\)\n/ },
])
  test(`nsctl ${c.line} serves the current context, and says so`, () =>
    withHome(async (home) => {
      await must(home, 'config set-context a --store ./a.db')
      await must(home, 'config use-context a')
      const child = spawn(join(root, 'bin/nsctl'), c.line.split(' '), {
        cwd: home.folder,
        env: { PATH: process.env.PATH, HOME: home.folder, NSCTL_HOME: home.state },
        stdio: ['ignore', 'pipe', 'pipe'],
      })
      let seen = ''
      const ended = new Promise((settle) => child.on('close', settle))
      const said = new Promise<void>((settle) => {
        child.stdout.on('data', (data: Buffer) => {
          seen += data
          if (c.says.test(seen)) settle()
        })
      })
      child.stderr.on('data', (data: Buffer) => {
        seen += data
      })
      await Promise.race([said, ended])
      child.kill('SIGTERM')
      await ended
      assert.match(seen, c.says)
    }))

test('a damaged file is pointed at, and is in the way of nothing that needs no context', () =>
  withHome(async (home) => {
    home.write(
      FILE,
      'apiVersion: nsctl.dev/v1alpha1\nkind: Config\ncontexts:\n- name: a\n  context: {stor: x}\n',
    )
    const { code, stderr } = await home.run(['get', 'svc'])
    assert.is(code, 2)
    assert.match(stderr, /config:5:13: unknown field "stor"\n[\s\S]*did you mean "store"\?/)
    assert.match(stderr, 'nsctl config set-context')
    assert.is((await home.run(['version', '--client'])).code, 0)
    assert.is((await home.run(['get', 'svc', '--store', 'memory:'])).code, 0)
    assert.is((await home.run(['get', 'svc'], { env: { NSCTL_STORE: 'memory:' } })).code, 0)
  }))

test('secrets are shown to who asks for them, and a file that others may read is warned about', () =>
  withHome(async (home) => {
    home.write(
      FILE,
      'apiVersion: nsctl.dev/v1alpha1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context:\n    store: "memory:"\n    token: tulip\n- name: b\n  context:\n    store: consul://ada:tulip@host/x\n',
    )
    chmodSync(join(home.folder, FILE), 0o644)
    const view = await home.run(['config', 'view'])
    assert.match(view.stdout, /token: REDACTED\n[\s\S]*store: consul:\/\/ada:REDACTED@host\/x\n/)
    assert.not.match(view.stdout + (await must(home, 'config get-contexts')), 'tulip')
    assert.match(await must(home, 'config view --raw'), /token: tulip\n[\s\S]*ada:tulip@/)
    assert.match(view.stderr, /^warning: .* holds a secret and others may open it \(mode 0644\): chmod 600 /)
    assert.match((await home.run(['get', 'svc'])).stderr, /^warning: .*chmod 600/)
    chmodSync(join(home.folder, FILE), 0o600)
    assert.not.match((await home.run(['get', 'svc'])).stderr, 'warning')
  }))

test('a daemon is not installed with a secret that everybody could read in its unit', () =>
  withHome(async (home) => {
    home.write(
      FILE,
      'apiVersion: nsctl.dev/v1alpha1\nkind: Config\ncontexts:\n- name: a\n  context:\n    store: "memory:"\n    token: tulip\n',
    )
    const { code, stderr } = await home.run(['up', '--install', '--context', 'a'])
    assert.is(code, 2)
    assert.match(stderr, /context a .* holds a secret, which a unit cannot keep\n.*--token-file FILE/)
  }))

test('choosing a context says where $NSCTL_STORE goes before it', () =>
  withHome(async (home) => {
    await must(home, 'config set-context dev --store ./dev.db')
    const { stderr } = await home.run(['config', 'use-context', 'dev'], { env: { NSCTL_STORE: 'memory:' } })
    assert.match(stderr, 'unset NSCTL_STORE')
  }))

test('completion offers contexts, and names from the store of the one that is typed', () =>
  withHome(async (home) => {
    await withContexts(home)
    const complete = async (...words: string[]) => {
      const { stdout } = await home.run(['__complete', '--', ...words])
      return stdout.split('\n').flatMap((line) => (line === '' ? [] : line.split('\t')[0]!))
    }
    assert.equal(await complete('--context', ''), ['dev', 'lab'])
    assert.equal(await complete('get', 'svc', '--context', 'l'), ['lab'])
    assert.equal(await complete('config', 'use-context', 'd'), ['dev'])
    assert.equal(await complete('config', 'rename-context', 'dev', ''), [])
    assert.ok((await complete('config', '')).includes('use-context'))
    assert.equal(await complete('get', 'svc', ''), ['in-dev'])
    assert.equal(await complete('--context', 'lab', 'get', 'svc', ''), ['in-lab'])
    assert.equal(await complete('--context=lab', 'describe', 'svc', ''), ['in-lab'])
    assert.equal(await complete('get', 'svc', '--store', './lab.db', ''), ['in-lab'])
  }))

test.run()
