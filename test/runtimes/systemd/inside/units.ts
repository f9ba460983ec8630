/** Run inside a node: what becomes of units in systemd's hands. */
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type ProgramSpec, programKey } from '../../../../src/runtimes/runtime.ts'
import { unitName } from '../../../../src/runtimes/systemd/names.ts'
import { type ContractFixture, eventually, pidsOf } from '../../contract/fixture.ts'
import { NODE, nodeProgram, openFixture, PROGRAMS, property, systemctl } from './fixture.ts'

const FOREVER = 'while :; do sleep 1; done'
const test = suite<{ fixture: ContractFixture }>('units')
test.before(async (context) => {
  context.fixture = await openFixture()
})
test.after(async ({ fixture }) => {
  await fixture?.dispose()
})

test('a crash loop is collected: no failed unit is left, and its end is still known', async ({ fixture }) => {
  const spec = fixture.shell('exit 7')
  await fixture.start(spec)
  const seen = await fixture.exited(spec)
  assert.is(seen.restarts, 2)
  assert.is(seen.lastExit?.exitCode, 7)
  await eventually(
    'it is collected',
    () => !systemctl('list-units', '--all', 'nsctl-*').includes(unitName(spec.id)),
  )
  assert.not.match(systemctl('list-units', '--failed'), /nsctl-/)
})

test('a kill -9 is seen, and its restart, within milliseconds besides the backoff', async ({ fixture }) => {
  const spec = fixture.shell(FOREVER)
  await fixture.start(spec)
  const { pid } = await fixture.running(spec)
  const seen = Promise.withResolvers<number>()
  const unsubscribe = fixture.runtime.onChange(() => {
    if (fixture.see(spec.id)?.lastExit?.signal === 'SIGKILL') seen.resolve(performance.now())
  })
  const killed = performance.now()
  process.kill(pid, 'SIGKILL')
  const seenAfterMs = (await seen.promise) - killed
  unsubscribe()
  await fixture.running(spec, pid)
  console.log(
    `kill -9 seen after ${seenAfterMs.toFixed(1)} ms, running again after ${(performance.now() - killed).toFixed(1)} ms`,
  )
  assert.ok(seenAfterMs < 1_000)
  await fixture.stop(spec)
})

test('a program that takes more memory than it may is killed and reported so', async ({ fixture }) => {
  const script = 'const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1))'
  const spec = fixture.shell('', { command: [NODE, '-e', script], limits: { memoryMaxBytes: 96 * 2 ** 20 } })
  await fixture.start(spec)
  const seen = await fixture.exited(spec)
  assert.is(seen.lastExit?.reason, 'oom-kill')
})

test('limits reach the unit and its cgroup', async ({ fixture }) => {
  const limits = { cpuWeightMillis: 500, cpuQuotaMillis: 250, memoryMaxBytes: 64 * 2 ** 20, tasksMax: 17 }
  const spec = fixture.shell(FOREVER, { limits })
  await fixture.start(spec)
  const { pid } = await fixture.running(spec)
  assert.is(property(spec.id, 'CPUWeight'), '50')
  assert.is(property(spec.id, 'CPUQuotaPerSecUSec'), '250ms')
  assert.is(property(spec.id, 'MemoryMax'), String(64 * 2 ** 20))
  assert.is(property(spec.id, 'TasksMax'), '17')
  const groups = new Map(
    readFileSync(`/proc/${pid}/cgroup`, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(':').slice(1) as [string, string]),
  )
  const version1 = groups.has('memory')
  const file = version1
    ? `/sys/fs/cgroup/memory${groups.get('memory')}/memory.limit_in_bytes`
    : `/sys/fs/cgroup${groups.get('')}/memory.max`
  assert.is(readFileSync(file, 'utf8').trim(), String(64 * 2 ** 20))
  await fixture.stop(spec)
})

test('storage keeps its owner over templates, and is mounted at its path', async ({ fixture }) => {
  const storage = [{ name: 'data', path: '/srv/some where' }]
  const first = fixture.shell(`echo x >"/srv/some where/first"; id -u; ${FOREVER}`, { storage })
  await fixture.start(first)
  const { text: uid } = await fixture.printed(first.id, /^\d+$/)
  await fixture.stop(first)
  await fixture.gone(first)
  const second = { ...first, id: { ...first.id, templateHash: 'd4d4d4d4d4' } }
  await fixture.start(second)
  assert.is((await fixture.printed(second.id, /^\d+$/)).text, uid)
  const volume = { namespace: 'default', service: first.id.service, volume: 'data', ordinal: 0 }
  assert.is(String(statSync(join(fixture.runtime.storagePath(volume), 'first')).uid), uid)
  await fixture.stop(second)
})

test('storage stays when a service relaxes its user, and when it takes that back', async ({ fixture }) => {
  const storage = [{ name: 'data', path: '/srv/data' }]
  const first = fixture.shell(`cat /srv/data/*; echo $0 >"/srv/data/$(id -u)"; echo written; ${FOREVER}`, {
    storage,
  })
  const specs = [[], ['all'], ['DynamicUser'], []].map((relax, index) => ({
    ...first,
    relax,
    id: { ...first.id, templateHash: `h${index}h${index}h${index}h${index}h${index}` },
  }))
  for (const [index, spec] of specs.entries()) {
    await fixture.start(spec)
    await fixture.printed(spec.id, 'written')
    if (index > 0) await fixture.printed(spec.id, first.command[3]!)
    await fixture.stop(spec)
    await fixture.gone(spec)
  }
  const volume = { namespace: 'default', service: first.id.service, volume: 'data', ordinal: 0 }
  await fixture.runtime.purgeStorage(volume)
  assert.not.ok(existsSync(fixture.runtime.storagePath(volume)))
})

test('arguments and environment arrive as they are', async ({ fixture }) => {
  // no zero byte: neither can hold one. Variables: also what systemd's own syntax cannot carry
  const text = fc.string({ unit: 'binary', maxLength: 60 }).map((one) => one.replaceAll('\0', ''))
  const nasty = [
    '',
    ' ',
    '%n %% %',
    `$PATH $\{HOME} $$`,
    '\\',
    '"',
    "'",
    '\\n\n\t\r',
    '\u001b[1m',
    'ü€😀',
    ';',
    '-',
    '@x',
    'a=b',
    '`id`',
    '#',
  ]
  const args = [...nasty, ...fc.sample(text, 150)]
  const values = [...nasty, ...fc.sample(text, 150)]
  const env = Object.fromEntries(values.map((value, index) => [`V${index}`, value]))
  const storage = [{ name: 'data', path: '/srv/data' }]
  const own = { PORT: '1', PORT_HTTP: `'two' "three" $A \`id\` %n \\ ü\tx\ny ` }
  const spec = nodeProgram(fixture, 'echo.mjs', {
    command: [NODE, join(PROGRAMS, 'echo.mjs'), ...args],
    env: { PATH: '/usr/bin:/bin', ...env, ...own },
    storage,
    workingDir: '/usr',
  })
  await fixture.start(spec)
  await fixture.printed(spec.id, 'written')
  const volume = { namespace: 'default', service: spec.id.service, volume: 'data', ordinal: 0 }
  const seen = JSON.parse(readFileSync(join(fixture.runtime.storagePath(volume), 'echo.json'), 'utf8'))
  assert.equal(seen.args, args)
  for (const [name, value] of Object.entries({ ...env, ...own }))
    assert.is(seen.env[name], value, `${name} ${JSON.stringify(value)}`)
  assert.is(seen.cwd, '/usr')
  await fixture.stop(spec)
})

test('what lies beneath /root or /tmp runs, its interpreter included', async ({ fixture }) => {
  for (const base of ['/root/my: 100% app', '/tmp/app']) {
    mkdirSync(join(base, 'bin'), { recursive: true })
    execFileSync('cp', [NODE, join(base, 'bin/node')])
    symlinkSync('node', join(base, 'bin/js'))
    writeFileSync(join(base, 'lib.mjs'), 'export const x = 42\n')
    writeFileSync(
      join(base, 'main.mjs'),
      'import { x } from "./lib.mjs"\nconsole.log("x is", x, process.argv[2])\nsetInterval(() => {}, 1e3)\n',
    )
    writeFileSync(
      join(base, 'script.mjs'),
      `#!${base.replace('my: 100% app', 'my_app')}/bin/js\nimport "./main.mjs"\n`,
    )
    chmodSync(join(base, 'script.mjs'), 0o755)
  }
  symlinkSync('/root/my: 100% app', '/root/my_app')
  const commands: readonly ProgramSpec['command'][] = [
    ['/root/my: 100% app/bin/node', 'main.mjs', 'a'],
    ['/root/my: 100% app/bin/js', '/root/my: 100% app/main.mjs', 'a'],
    [NODE, '/root/my: 100% app/main.mjs', 'a'],
    ['/root/my: 100% app/script.mjs', 'a'],
  ]
  const folders = ['/root/my: 100% app', '/', '/', '/root/my: 100% app']
  for (const [index, command] of commands.entries()) {
    for (const base of ['/root/my: 100% app', '/tmp/app']) {
      const moved = command.map((word) => word.replace('/root/my: 100% app', base)) as [string, ...string[]]
      const workingDir = folders[index]!.replace('/root/my: 100% app', base)
      const spec = fixture.shell('', { command: moved, workingDir })
      await fixture.start(spec)
      await fixture.printed(spec.id, 'x is 42 a')
      await fixture.stop(spec)
    }
  }
})

test('exec is inside: the same user, files and network', async ({ fixture }) => {
  const spec = fixture.shell(`id -u; echo x >/tmp/mine; ${FOREVER}`, { network: 'none', relax: [] })
  await fixture.start(spec)
  const { text: uid } = await fixture.printed(spec.id, /^\d+$/)
  const check = `test "$(id -u)" = ${uid} && test -e /tmp/mine && test "$(ls /sys/class/net 2>/dev/null | wc -l)" -le 1 && ! ls /root && ! touch /etc/x && grep -q ${unitName(spec.id)} /proc/self/cgroup`
  const command = ['sh', '-c', check] as const
  const signal = AbortSignal.timeout(10_000)
  const options = { command, tty: false, stdin: false, quiet: true }
  assert.is(await fixture.harness.reader().exec(spec.id, options, signal), 0)
  await fixture.stop(spec)
})

test('a longer grace period and another signal than the unit has are kept', async ({ fixture }) => {
  const spec = fixture.shell(
    `trap 'sleep 2; echo late; exit 0' USR1; echo ready; while :; do sleep 0.05; done`,
    {
      stop: { signal: 'SIGTERM', graceMs: 300 },
    },
  )
  await fixture.start(spec)
  await fixture.printed(spec.id, 'ready')
  await fixture.runtime.stop(spec.id, { signal: 'SIGUSR1', graceMs: 10_000 })
  await fixture.gone(spec)
  await fixture.printed(spec.id, 'late')
})

test('a stop that is asked for again before it happens has systemd read nothing anew', async ({
  fixture,
}) => {
  const specs = Array.from({ length: 3 }, () => fixture.shell(FOREVER))
  for (const spec of specs) await fixture.start(spec)
  for (const spec of specs) await fixture.running(spec)
  const journal = () => execFileSync('journalctl', ['-q', '_PID=1', '-o', 'cat'], { encoding: 'utf8' })
  const reloads = () => journal().match(/^Reload/gm)?.length ?? 0
  const before = reloads()
  const again = [...specs, ...specs, ...specs]
  await Promise.all(again.map(({ id, stop }) => fixture.runtime.stop(id, stop)))
  for (const spec of specs) await fixture.exited(spec)
  assert.is(reloads(), before)
})

test('a start that follows a stop at once does not take its place', async ({ fixture }) => {
  for (let round = 0; round < 40; round++) {
    // each a unit of its own: systemd counts how often one is started
    const spec = fixture.shell(`trap 'sleep 0.05; exit 0' TERM; echo ready; while :; do sleep 0.01; done`)
    await fixture.start(spec)
    const { pid } = await fixture.running(spec)
    await fixture.printed(spec.id, 'ready')
    await fixture.stop(spec)
    await fixture.start(spec)
    const again = await fixture.running(spec, pid)
    assert.equal(pidsOf(spec), [again.pid])
    await fixture.stop(spec)
    await fixture.gone(spec)
  }
})

test('a reload and a re-execution of systemd in the midst of starts end nothing and double nothing', async ({
  fixture,
}) => {
  const base = fixture.shell(FOREVER)
  const specs = Array.from({ length: 40 }, (_, ordinal) => ({ ...base, id: { ...base.id, ordinal } }))
  const ended: string[] = []
  const unsubscribe = fixture.runtime.onChange((key) => {
    if (fixture.runtime.observe().get(key)?.state === 'exited') ended.push(key)
  })
  const first = specs.slice(0, 15).map((spec) => fixture.start(spec))
  execFileSync('systemctl', ['daemon-reload'])
  const second = specs.slice(15, 30).map((spec) => fixture.start(spec))
  execFileSync('systemctl', ['daemon-reexec'])
  const third = specs.slice(30).map((spec) => fixture.start(spec))
  await Promise.all([...first, ...second, ...third])
  for (const spec of specs)
    await eventually(`${spec.id.ordinal} runs`, () => fixture.see(spec.id)?.state === 'running')
  assert.equal(ended, [])
  unsubscribe()
  await eventually('each runs once', () => pidsOf(base).length === specs.length)
  const victim = fixture.see(specs[3]!.id)!.pid!
  process.kill(victim, 'SIGKILL')
  await eventually('a crash is still seen', () => fixture.see(specs[3]!.id)?.lastExit?.signal === 'SIGKILL')
  await Promise.all(specs.map((spec) => fixture.stop(spec)))
  await Promise.all(specs.map((spec) => fixture.gone(spec)))
})

test('files go when nobody wants them', async ({ fixture }) => {
  const spec = fixture.shell(FOREVER, { env: { PATH: '/bin', PORT: '1' } })
  const files = () => readdirSync('/run/systemd/system').filter((name) => name.includes(spec.id.service))
  await fixture.start(spec)
  assert.is(files().length, 1)
  assert.is(statSync(`/run/nsctl/env/${unitName(spec.id)}`).mode & 0o777, 0o600)
  await fixture.stop(spec)
  await fixture.gone(spec)
  await eventually(
    'its files are gone',
    () => files().length === 0 && !existsSync(`/run/nsctl/env/${unitName(spec.id)}`),
  )
  await fixture.runtime.forget(spec.id)
  assert.not.ok(fixture.runtime.observe().has(programKey(spec.id)))
})

test('a changed text of the same template reaches what is started next', async ({ fixture }) => {
  const spec = fixture.shell(`echo one; ${FOREVER}`)
  await fixture.start(spec)
  await fixture.printed(spec.id, 'one')
  const changed: ProgramSpec = { ...spec, command: ['/bin/sh', '-c', `echo two; ${FOREVER}`, 'x'] }
  const neighbour = { ...changed, id: { ...spec.id, ordinal: 1 } }
  await fixture.start(neighbour)
  await fixture.printed(neighbour.id, 'two')
  await Promise.all([fixture.stop(spec), fixture.stop(neighbour)])
})

test.run()
