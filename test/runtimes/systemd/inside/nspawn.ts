/** Run inside a node: what a container is, and what it keeps from the machine. */
import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../../src/core/errors.ts'
import { type ProgramSpec, programKey } from '../../../../src/runtimes/runtime.ts'
import { containerOwner } from '../../../../src/runtimes/systemd/nspawn/lines.ts'
import type { ContractFixture } from '../../contract/fixture.ts'
import { eventually, pidsWith } from '../../contract/fixture.ts'
import { NODE, nodeProgram, openFixture, property } from './fixture.ts'

const FOREVER = 'while :; do sleep 0.1; done'
const ROOT = '/srv/a-root'

const test = suite<{ fixture: ContractFixture }>('nspawn')
test.before(async (context) => {
  context.fixture = await openFixture()
})
test.after(async ({ fixture }) => {
  await fixture?.dispose()
})

/** The exit code of a script in the program's container. */
async function inside(fixture: ContractFixture, spec: ProgramSpec, script: string): Promise<number> {
  // it may print before its manager is heard to say that it runs
  await eventually('it is seen to run', () => fixture.see(spec.id)?.state === 'running')
  const options = { command: ['/bin/sh', '-c', script], tty: false, stdin: false, quiet: true } as const
  return fixture.harness.reader().exec(spec.id, options, AbortSignal.timeout(10_000))
}

async function refusal(promise: Promise<unknown>): Promise<Error & { readonly code?: string }> {
  return promise.then(
    () => assert.unreachable('it was started') as never,
    (error: Error) => error,
  )
}

test('it says that it can', ({ fixture }) => {
  assert.equal(fixture.runtime.info.runtimes, ['nspawn'])
})

test('the machine is not seen, its programs and libraries are, and nothing of the root can be changed', async ({
  fixture,
}) => {
  writeFileSync('/root/a-secret-of-the-machine', 'x')
  const script = `echo "as $(id -u) of $(ls -d /proc/[0-9]* | wc -l)"; ${FOREVER}`
  const spec = fixture.shell(script, { container: {} })
  await fixture.start(spec)
  const { pid } = await fixture.running(spec)
  const { text } = await fixture.printed(spec.id, /^as /)
  // the init, the shell beneath it, the program, and what it asks by
  assert.match(text, /^as 0 of [4-7]$/)
  assert.is(await inside(fixture, spec, '! ls /root/a-secret-of-the-machine'), 0)
  assert.is(
    await inside(
      fixture,
      spec,
      '[ -z "$(ls -A /root)" ] && [ ! -e /home ] && [ ! -e /opt ] && [ ! -e /srv ]',
    ),
    0,
  )
  assert.is(await inside(fixture, spec, '! touch /usr/x && ! touch /etc/x && ! touch /x && touch /tmp/x'), 0)
  assert.is(await inside(fixture, spec, `! kill -0 1000000 && [ "$(hostname)" = ${spec.id.service}-0 ]`), 0)
  const outside = statSync(`/proc/${pid}`).uid
  assert.is(outside, containerOwner(spec.id), 'root inside is nobody outside')
  assert.ok(outside >= 0x4000_0000 && outside <= 0x6fff_0000)
  await fixture.stop(spec)
  await fixture.gone(spec)
})

test('a root of its own: what it writes is gone with it, and the directory is as it was', async ({
  fixture,
}) => {
  makeRoot()
  const script = `cat /etc/whose; echo more >>/tmp/x; ls /etc; ${FOREVER}`
  const spec = fixture.shell(script, { container: { root: ROOT } })
  const second = { ...spec, id: { ...spec.id, ordinal: 1 } }
  await Promise.all([fixture.start(spec), fixture.start(second)])
  await fixture.printed(spec.id, 'mine')
  await fixture.printed(second.id, 'mine')
  await Promise.all([fixture.stop(spec), fixture.stop(second)])
  await Promise.all([fixture.gone(spec), fixture.gone(second)])
  assert.equal(
    ['tmp/x', 'run', 'var'].map((path) => existsSync(`${ROOT}/${path}`)),
    [false, false, false],
  )
})

test('a closure: what it names, in an otherwise empty root', async ({ fixture }) => {
  const store = '/nix/store/abc-program'
  mkdirSync(`${store}/bin`, { recursive: true })
  writeFileSync(`${store}/bin/greet`, '#!/bin/sh\necho "greetings from $0"; while :; do sleep 0.1; done\n')
  chmodSync(`${store}/bin/greet`, 0o755)
  mkdirSync('/nix/store/def-other', { recursive: true })
  const closure = ['/usr', store]
  const spec = fixture.shell('', {
    command: ['greet'],
    env: { PATH: `${store}/bin:/usr/bin:/bin` },
    container: { closure },
  })
  await fixture.start(spec)
  await fixture.printed(spec.id, `greetings from ${store}/bin/greet`)
  assert.is(await inside(fixture, spec, '[ "$(ls /nix/store)" = abc-program ] && [ ! -e /etc/ssl ]'), 0)
  await fixture.stop(spec)
  await fixture.gone(spec)
})

for (const c of [
  {
    name: 'a root that is not there',
    container: { root: '/srv/none' },
    words: /the root \/srv\/none is not a directory/,
  },
  { name: 'a root without a shell', container: { root: '/sys' }, words: /the root \/sys has no \/bin\/sh/ },
  {
    name: 'a closure that is not there',
    container: { closure: ['/usr', '/nix/store/none'] },
    words: /\/nix\/store\/none, of the closure, is not there/,
  },
  {
    name: 'a closure without a shell',
    container: { closure: ['/var'] },
    words: /nothing in the closure \(\/var\) has bin\/sh/,
  },
])
  test(`${c.name} is refused`, async ({ fixture }) => {
    const error = await refusal(fixture.start(fixture.shell(FOREVER, { container: c.container })))
    assert.ok(isNsctlError(error, 'Invalid'), String(error))
    assert.match(error.message, c.words)
  })

test('network none leaves a loopback of its own; host is the machine’s', async ({ fixture }) => {
  const count = 'ls /sys/class/net | wc -l'
  const alone = fixture.shell(`echo "links $(${count})"; ${FOREVER}`, { container: {}, network: 'none' })
  await fixture.start(alone)
  await fixture.printed(alone.id, 'links 1')
  await fixture.stop(alone)
  const web = nodeProgram(fixture, 'web.mjs', {
    container: { closure: ['/usr', '/opt/nsctl'] },
    env: { PATH: '/usr/bin:/bin', PORT: '21011' },
  })
  await fixture.start(web)
  await fixture.printed(web.id, 'listening')
  const served = (await (await fetch('http://127.0.0.1:21011/')).json()) as { worker: number }
  assert.is(served.worker, 42)
  await fixture.stop(web)
  await fixture.gone(web)
})

test('variables of the program act on nothing outside it', async ({ fixture }) => {
  const env = {
    PATH: '/usr/bin:/bin',
    LD_PRELOAD: '/var/lib/kept/evil.so',
    PORT: '7',
    SYSTEMD_LOG_LEVEL: 'debug',
  }
  const spec = fixture.shell(`echo "port $PORT $LD_PRELOAD"; ${FOREVER}`, { container: {}, env })
  await fixture.start(spec)
  await fixture.printed(spec.id, 'port 7 /var/lib/kept/evil.so')
  const keeper = property(spec.id, 'MainPID')
  assert.not.match(readFileSync(`/proc/${keeper}/environ`, 'utf8'), /LD_PRELOAD|SYSTEMD_LOG_LEVEL|PORT=7/)
  assert.is(await inside(fixture, spec, '[ "$LD_PRELOAD$PORT" = /var/lib/kept/evil.so7 ]'), 0)
  await fixture.stop(spec)
  await fixture.gone(spec)
})

test('what is over its memory is killed for that', async ({ fixture }) => {
  const script = 'const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1))'
  const limits = { memoryMaxBytes: 96 * 2 ** 20 }
  const container = { closure: ['/usr', '/opt/nsctl'] }
  const spec = fixture.shell('', { command: [NODE, '-e', script], container, restart: 'never', limits })
  await fixture.start(spec)
  const seen = await fixture.exited(spec)
  assert.is(seen.lastExit?.reason, 'oom-kill', JSON.stringify(seen.lastExit))
})

test('a keeper that is killed takes its container with it, and both come again', async ({ fixture }) => {
  const word = `in-container-${process.pid}`
  const spec = fixture.shell(`sh -c "trap '' TERM; while :; do sleep 0.05; done" ${word} & wait`, {
    container: {},
  })
  await fixture.start(spec)
  const first = await fixture.running(spec)
  await eventually('its child runs', () => pidsWith(word).length === 1)
  process.kill(Number(property(spec.id, 'MainPID')), 'SIGKILL')
  await fixture.running(spec, first.pid)
  await eventually('one child runs, the new one', () => pidsWith(word).length === 1)
  await fixture.stop(spec)
  await fixture.gone(spec)
  assert.equal(pidsWith(word), [])
})

test('storage keeps its owner when a service moves into a container and out of it', async ({ fixture }) => {
  const storage = [{ name: 'data', path: '/var/lib/data' }]
  const add = `echo x >>"$STORAGE_DATA/lines"; echo "has $(wc -l <"$STORAGE_DATA/lines")"; ${FOREVER}`
  const spec = fixture.shell(add, { storage })
  const contained = { ...spec, id: { ...spec.id, templateHash: 'b2b2b2b2b2' }, container: {} }
  const again = { ...spec, id: { ...spec.id, templateHash: 'c3c3c3c3c3' } }
  for (const [index, one] of [spec, contained, again].entries()) {
    await fixture.start(one)
    await fixture.printed(one.id, `has ${index + 1}`)
    await fixture.stop(one)
    await fixture.gone(one)
  }
})

test('nothing of it is left', async ({ fixture }) => {
  const spec = fixture.shell(FOREVER, { container: {}, env: { PATH: '/bin', PORT: '1' } })
  await fixture.start(spec)
  const { pid } = await fixture.running(spec)
  assert.is(fixture.see(spec.id)?.pid, pid)
  const files = () => execFileSync('ls', ['/run/nsctl/containers'], { encoding: 'utf8' })
  assert.match(files(), spec.id.service)
  await fixture.stop(spec)
  await fixture.gone(spec)
  await eventually('its files are gone', () => !files().includes(spec.id.service))
  await fixture.runtime.forget(spec.id)
  assert.not.ok(fixture.runtime.observe().has(programKey(spec.id)))
})

/** A small root: the machine's own programs, and an /etc of its own. */
function makeRoot(): void {
  for (const dir of ['usr', 'etc', 'tmp-of-nobody']) mkdirSync(`${ROOT}/${dir}`, { recursive: true })
  execFileSync('cp', [
    '-a',
    '/usr/bin',
    '/usr/lib',
    ...(existsSync('/usr/lib64') ? ['/usr/lib64'] : []),
    `${ROOT}/usr/`,
  ])
  for (const link of ['bin', 'lib', 'lib64'])
    if (!existsSync(`${ROOT}/${link}`)) symlinkSync(`usr/${link}`, `${ROOT}/${link}`)
  writeFileSync(`${ROOT}/etc/whose`, 'mine\n')
}

test.run()
