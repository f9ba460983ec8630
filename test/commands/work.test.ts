import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { openShop, type Shop, service } from './shop.ts'

const T = Date.parse('2026-01-31T12:00:00Z')

async function runningShop(): Promise<Shop> {
  const shop = await openShop()
  shop.setDaemon({ running: true, runtime: 'process', pid: 7 })
  await shop.apply(service('web'))
  await shop.addInstance('web', 0, 'aaaaa', { app: 'web' })
  await shop.addInstance('web', 1, 'bbbbb', { app: 'web' })
  await shop.addInstance('mail', 0, 'ccccc')
  shop.setLog('web-0', [
    [T, 'zero at 0'],
    [T + 20, 'zero at 20'],
  ])
  shop.setLog('web-1', [
    [T + 10, 'one at 10'],
    [T + 30, 'one at 30'],
  ])
  return shop
}

const BOTH = [
  '[web-0-aaaaa] zero at 0',
  '[web-1-bbbbb] one at 10',
  '[web-0-aaaaa] zero at 20',
  '[web-1-bbbbb] one at 30',
  '',
].join('\n')

for (const c of [
  { argv: ['logs', 'service/web'], out: BOTH },
  { argv: ['logs', 'svc', 'web'], out: BOTH },
  { argv: ['logs', 'web'], out: BOTH },
  { argv: ['logs', '-l', 'app=web'], out: BOTH },
  { argv: ['logs', 'web-0'], out: 'zero at 0\nzero at 20\n' },
  { argv: ['logs', 'web-0-aaaaa'], out: 'zero at 0\nzero at 20\n' },
  { argv: ['logs', 'inst/web-0', '--tail', '1'], out: 'zero at 20\n' },
  {
    argv: ['logs', 'web-0', '--prefix', '--timestamps', '--tail=1'],
    out: '[web-0-aaaaa] 2026-01-31T12:00:00.020Z zero at 20\n',
  },
  { argv: ['logs', 'svc/web', '--prefix=false', '--tail=1'], out: 'zero at 20\none at 30\n' },
])
  test(`nsctl ${c.argv.join(' ')}`, async () => {
    const shop = await runningShop()
    assert.equal(await shop.run(c.argv), { code: 0, stdout: c.out, stderr: '' })
  })

test('logs passes on what was asked for', async () => {
  const shop = await runningShop()
  await shop.run(['logs', 'web-0', '-p', '--since-time', '2026-01-31T12:00:00Z'])
  assert.is(shop.logRequests[0]?.previous, true)
  assert.is(shop.logRequests[0]?.sinceMs, T)
  const beforeMs = Date.now()
  await shop.run(['logs', 'web-0', '--since', '10s'])
  const sinceMs = shop.logRequests[1]?.sinceMs ?? 0
  assert.ok(Math.abs(beforeMs - 10_000 - sinceMs) < 5_000)
  await shop.run(['logs', '-l', 'app=web'])
  assert.is(shop.logRequests[2]?.tail, 10, 'with -l the last ten, as kubectl')
})

test('logs -f joins instances that come later, and ends with Ctrl-C', async () => {
  const shop = await runningShop()
  shop.setLog('web-2', [[T, 'two']])
  const stop = new AbortController()
  let isAdded = false
  const ran = await shop.run(['logs', 'svc/web', '-f'], {
    signal: stop.signal,
    onOutput(stdout) {
      if (!isAdded && stdout.includes('one at 30')) {
        isAdded = true
        void shop.addInstance('web', 2, 'ddddd')
      }
      if (stdout.includes('[web-2-ddddd] two')) stop.abort()
    },
  })
  assert.is(ran.code, 130)
  assert.match(ran.stdout, /\[web-2-ddddd\] two\n$/)
  assert.is(ran.stdout.split('\n').length, 6, ran.stdout)
})

test('logs of a group are in order of time over its programs, each line with its program', async () => {
  const shop = await openShop()
  shop.setDaemon({ running: true, runtime: 'process', pid: 7 })
  await shop.addInstance('duo', 0, 'aaaaa', {}, { programs: [{ name: 'api' }, { name: 'job' }] })
  shop.setLog('duo-0/api', [
    [T, 'a0'],
    [T + 20, 'a20'],
  ])
  shop.setLog('duo-0/job', [[T + 10, 'j10']])
  const all = await shop.run(['logs', 'duo-0'])
  assert.is(all.stdout, '[duo-0-aaaaa/api] a0\n[duo-0-aaaaa/job] j10\n[duo-0-aaaaa/api] a20\n', all.stderr)
  assert.is((await shop.run(['logs', 'duo-0', '-c', 'job'])).stdout, 'j10\n')
  assert.is((await shop.run(['logs', 'duo-0', '--all-programs'])).stdout, all.stdout)
})

test('the names before lines are coloured on a terminal, and only there', async () => {
  const shop = await runningShop()
  const coloured = await shop.run(['logs', 'svc/web'], { isTerminal: true })
  assert.ok(coloured.stdout.includes('\u001b[36m[web-0-aaaaa]\u001b[39m zero'))
  assert.ok(coloured.stdout.includes('\u001b[35m[web-1-bbbbb]'))
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }] as readonly Record<string, string>[])
    assert.is((await shop.run(['logs', 'svc/web'], { isTerminal: true, env })).stdout, BOTH)
  assert.is((await shop.run(['logs', 'svc/web', '--no-color'], { isTerminal: true })).stdout, BOTH)
})

for (const c of [
  { argv: ['logs'], code: 2, stderr: /nothing was named/ },
  { argv: ['logs', 'nope'], code: 1, stderr: /instance\/nope not found/ },
  { argv: ['logs', 'svc/nope'], code: 1, stderr: /service\/nope not found/ },
  { argv: ['logs', 'ns/default'], code: 2, stderr: /a namespace runs nothing/ },
  { argv: ['logs', 'web-0', '--tail', 'x'], code: 2, stderr: /--tail wants a number/ },
  { argv: ['logs', 'web-0', '--since', '1', '--since-time', 'x'], code: 2, stderr: /only one of/ },
  { argv: ['logs', 'web-0', '--since-time', 'noon'], code: 2, stderr: /not a time: "noon"/ },
  { argv: ['logs', 'web-0', '-l', 'a=b'], code: 2, stderr: /names cannot be combined with -l/ },
  { argv: ['logs', 'web-0', '-c', 'x'], code: 1, stderr: /has no program "x"/ },
  { argv: ['exec', 'web-0', 'ls'], code: 2, stderr: /-- is missing/ },
  { argv: ['exec', 'web-0', '--'], code: 2, stderr: /no command behind --/ },
  { argv: ['exec', '--', 'ls'], code: 2, stderr: /no instance was named/ },
  { argv: ['exec', 'nope', '--', 'ls'], code: 1, stderr: /instance\/nope not found/ },
])
  test(`nsctl ${c.argv.join(' ')} is refused`, async () => {
    const ran = await (await runningShop()).run(c.argv)
    assert.is(ran.code, c.code, ran.stderr)
    assert.match(ran.stderr, c.stderr)
  })

for (const c of [
  {
    argv: ['exec', 'web-1', '--', 'ls', '-l', '--', 'x'],
    ordinal: 1,
    options: { command: ['ls', '-l', '--', 'x'], tty: false, stdin: false },
  },
  {
    argv: ['exec', '-it', 'web-1', '--', 'sh'],
    ordinal: 1,
    options: { command: ['sh'], tty: true, stdin: true },
  },
  {
    argv: ['exec', 'service/web', '-i', '--', 'cat'],
    ordinal: 0,
    options: { command: ['cat'], tty: false, stdin: true },
  },
])
  test(`nsctl ${c.argv.join(' ')}`, async () => {
    const shop = await runningShop()
    shop.setExitCode(42)
    assert.is((await shop.run(c.argv)).code, 42, 'the exit code is passed on')
    assert.equal(shop.execs[0]?.options, c.options)
    assert.is(shop.execs[0]?.id.ordinal, c.ordinal)
  })

test('exec of a service runs in an instance that is ready', async () => {
  const shop = await runningShop()
  await shop.setStatus('Instance', 'web-0-aaaaa', { phase: 'Backoff', ready: false })
  await shop.run(['exec', 'svc/web', '--', 'true'])
  assert.is(shop.execs[0]?.id.ordinal, 1)
})

test('watch without a terminal prints lines of changes', async () => {
  const shop = await runningShop()
  const stop = new AbortController()
  const ran = await shop.run(['watch'], {
    signal: stop.signal,
    onOutput(stdout) {
      if (stdout.includes('web-0-aaaaa backoff')) stop.abort()
      else if (stdout.includes('service/web'))
        void shop.setStatus('Instance', 'web-0-aaaaa', { phase: 'Backoff', ready: false })
    },
  })
  assert.is(ran.code, 0)
  assert.match(ran.stdout, /^\d\d:\d\d:\d\d {2}instance\/mail-0-ccccc running, ready\n/m)
  assert.match(ran.stdout, /instance\/web-0-aaaaa running, ready\n(.*\n)*.*instance\/web-0-aaaaa backoff\n/)
})

/** Runs `nsctl edit svc/web` with editors that are sh scripts, one for each time that it is opened. */
async function edit(shop: Shop, scripts: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'nsctl-test-'))
  const editor = join(folder, 'editor.sh')
  const cases = scripts.map((script, i) => `${i + 1}) ${script};;`).join('\n')
  await writeFile(
    editor,
    `n=$(($(cat ${folder}/n 2>/dev/null || echo 0) + 1)); echo $n > ${folder}/n; cp "$1" ${folder}/seen-$n\ncase $n in\n${cases}\nesac\n`,
  )
  const ran = await shop.run(['edit', 'svc/web'], { env: { EDITOR: `sh ${editor}` } })
  const seen = await Promise.all(
    (await readdir(folder))
      .filter((name) => name.startsWith('seen-'))
      .sort()
      .map((name) => readFile(join(folder, name), 'utf8')),
  )
  await rm(folder, { recursive: true })
  const kept = /kept in (\S+?)[;\n]/.exec(ran.stderr)?.[1]
  const text = kept === undefined ? undefined : await readFile(kept, 'utf8')
  if (kept !== undefined) await rm(join(kept, '..'), { recursive: true })
  return { ...ran, seen, kept: text }
}

const replicas = async (shop: Shop) =>
  (await shop.api.get({ kind: 'Service', namespace: 'default', name: 'web' }))?.spec?.replicas

test('edit applies what was written', async () => {
  const shop = await runningShop()
  const ran = await edit(shop, ['sed -i "s/replicas: 2/replicas: 3/" "$1"'])
  assert.is(ran.stdout, 'service/web edited\n', ran.stderr)
  assert.is(await replicas(shop), 3)
  assert.match(ran.seen[0] ?? '', /^# service\/web: save and leave to apply/)
  assert.not.match(ran.seen[0] ?? '', /\nstatus:/)
})

for (const [name, script] of [
  ['leaves it unchanged', 'true'],
  ['empties it', ': > "$1"'],
  ['leaves only comments', 'echo "# nothing" > "$1"'],
] as const)
  test(`edit is cancelled where the editor ${name}`, async () => {
    const shop = await runningShop()
    const ran = await edit(shop, [script])
    assert.is(ran.code, 0)
    assert.match(ran.stderr, /edit of service\/web cancelled: nothing was changed\n/)
    assert.is(await replicas(shop), 2)
  })

test('edit opens again with the error above what was written', async () => {
  const shop = await runningShop()
  const ran = await edit(shop, [
    'sed -i "s/replicas: 2/replicaz: 4/" "$1"',
    'sed -i "s/replicaz/replicas/" "$1"',
  ])
  assert.is(ran.stdout, 'service/web edited\n', ran.stderr)
  assert.is(await replicas(shop), 4)
  assert.match(ran.seen[1] ?? '', /\n# error: .*replicaz: unknown field; did you mean "replicas"\?\n/)
  assert.match(ran.seen[1] ?? '', /\n {2}replicaz: 4\n/)
  assert.is(ran.seen[1]?.match(/save and leave/g)?.length, 1, 'one head')
})

for (const c of [
  {
    name: 'an error that is left as it is',
    scripts: ['echo ": : [" >> "$1"', 'true'],
    code: 2,
    stderr: /not YAML/,
  },
  {
    name: 'another name',
    scripts: ['sed -i "s/name: web/name: wob/" "$1"', 'true'],
    code: 2,
    stderr: /metadata\.name cannot be edited: web became wob/,
  },
  {
    name: 'a second object',
    scripts: [
      'printf -- "---\\nkind: Service\\napiVersion: nsctl.dev/v1alpha1\\nmetadata: {name: b}\\n" >> "$1"',
      'true',
    ],
    code: 2,
    stderr: /exactly one object, not 2/,
  },
])
  test(`edit keeps the text of ${c.name}`, async () => {
    const shop = await runningShop()
    const ran = await edit(shop, c.scripts)
    assert.is(ran.code, c.code)
    assert.match(ran.stderr, c.stderr)
    assert.match(ran.kept ?? '', /kind: Service/)
    assert.is(await replicas(shop), 2)
  })

test('edit gives up on an editor that writes something else that is wrong every time', async () => {
  const shop = await runningShop()
  // it would go on without end; a test that fails must not
  const wrong = 'test $n -lt 40 && echo ": [ $n" >> "$1"'
  const ran = await edit(shop, Array(40).fill(wrong))
  assert.is(ran.code, 2)
  assert.match(ran.stderr, /not YAML/)
  assert.match(ran.stderr, /10 times in a row/)
  assert.is(ran.seen.length, 10)
  assert.match(ran.kept ?? '', /kind: Service(.|\n)*: \[ 10\n$/)
})

test('edit keeps what was written where the editor failed, and says that it did', async () => {
  const shop = await runningShop()
  const ran = await edit(shop, ['sed -i "s/replicas: 2/replicas: 7/" "$1"; exit 3'])
  assert.is(ran.code, 1)
  assert.match(ran.stderr, /ended with 3\n/)
  assert.match(ran.kept ?? '', /replicas: 7/)
  assert.is(await replicas(shop), 2)
})

/** Another's write while the editor is open: the editor waits for a file that is made after it. */
async function editMeanwhile(shop: Shop, meanwhile: () => Promise<unknown>) {
  const folder = await mkdtemp(join(tmpdir(), 'nsctl-test-'))
  const editing = edit(shop, [
    `touch ${folder}/open; until [ -e ${folder}/go ]; do sleep 0.01; done; sed -i "s/replicas: 2/replicas: 5/" "$1"`,
  ])
  const isOpen = async () => (await readdir(folder)).includes('open')
  for (const deadline = Date.now() + 10_000; !(await isOpen()); ) {
    assert.ok(Date.now() < deadline, 'the editor was never opened')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  await meanwhile()
  await writeFile(join(folder, 'go'), '')
  const ran = await editing
  await rm(folder, { recursive: true })
  return ran
}

test('edit does not write over what another wrote meanwhile, and keeps the text', async () => {
  const shop = await runningShop()
  const ran = await editMeanwhile(shop, () => shop.run(['label', 'svc/web', 'a=b']))
  assert.is(ran.code, 4)
  assert.match(ran.stderr, /service\/web was changed by another while you edited it/)
  assert.match(ran.kept ?? '', /replicas: 5/)
  assert.is(await replicas(shop), 2)
})

test('edit is not disturbed by a status that is written meanwhile', async () => {
  const shop = await runningShop()
  const ran = await editMeanwhile(shop, () => shop.setStatus('Service', 'web', { replicas: 2 }))
  assert.is(ran.stdout, 'service/web edited\n', ran.stderr)
  assert.is(await replicas(shop), 5)
})

test('edit says what to do without an editor, and leaves nothing behind', async () => {
  const shop = await runningShop()
  const before = (await readdir(tmpdir())).filter((name) => name.startsWith('nsctl-edit-'))
  const ran = await shop.run(['edit', 'svc/web'], { env: { EDITOR: '/nowhere/editor 2>/dev/null' } })
  assert.is(ran.code, 1)
  assert.match(ran.stderr, /ended with 127\nset \$VISUAL or \$EDITOR/)
  assert.equal(
    (await readdir(tmpdir())).filter((name) => name.startsWith('nsctl-edit-')),
    before,
  )
})

test('completes instances and services for logs, formats for -o, namespaces before the verb, each verb once', async () => {
  const shop = await openShop()
  const name = await shop.addInstance('web', 0, 'aaaaa')
  await shop.apply(service('web'))
  const complete = async (...words: string[]) => (await shop.run(['__complete', '--', ...words])).stdout
  assert.is(await complete('logs', 'we'), `${name}\n`)
  assert.is(await complete('exec', 's'), 'service/web\n')
  assert.is(await complete('get', 'svc', '-o', 'j'), 'json\njsonpath=\n')
  assert.is(await complete('-n', ''), 'default\n')
  assert.is((await complete('crea')).split('\n').filter((line) => line.startsWith('create')).length, 1)
})

test('describe tells of this instance, not of an earlier one of its name', async () => {
  const shop = await openShop()
  const name = await shop.addInstance('web', 0, 'aaaaa')
  const ref = { kind: 'Instance', namespace: 'default', name }
  const uid = (await shop.api.get(ref))?.metadata.uid ?? ''
  for (const about of [{ ...ref, uid }, { ...ref, uid: 'an-earlier-one' }, ref])
    shop.api.recordEvent({
      about,
      type: 'Normal',
      reason: 'Told',
      message: `of ${'uid' in about ? about.uid : 'its name'}`,
      source: 'test',
    })
  await shop.api.flush()
  const { stdout } = await shop.run(['describe', 'inst', name])
  assert.match(stdout, `of ${uid}`)
  assert.match(stdout, 'of its name')
  assert.not.match(stdout, 'an-earlier-one')
})

test('edit opens no editor for what only nsctl writes', async () => {
  const shop = await openShop()
  const name = await shop.addInstance('web', 0, 'aaaaa')
  const ran = await shop.run(['edit', `inst/${name}`], { env: { EDITOR: 'false' } })
  assert.equal(ran.code, 2)
  assert.match(ran.stderr, /^error: an Instance is written by nsctl only\n/)
})

test.run()
