/** Run inside a node: what units are given on no disk, who else can see it, and what becomes of it. Under both managers. */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { systemClock } from '../../../../src/core/clock.ts'
import { silentLogger } from '../../../../src/core/logger.ts'
import type { MaterialShape, ProgramMaterial, ProgramSpec } from '../../../../src/runtimes/runtime.ts'
import { layoutOf } from '../../../../src/runtimes/systemd/layout.ts'
import { objectPathOfUnit, templateFile, unitName } from '../../../../src/runtimes/systemd/names.ts'
import { openSystemdRuntime } from '../../../../src/runtimes/systemd/runtime.ts'
import type { ContractFixture } from '../../contract/fixture.ts'
import { NODE, openFixture, property, scope, systemctl } from './fixture.ts'

const PLANTED = 'planted-4f0a9c36'
const FOREVER = 'while :; do sleep 0.1; done'
const layout = layoutOf({ scope, stateDir: '/nowhere' })
const NO_SHAPE: MaterialShape = { credentials: [], live: false, environment: false, folders: [], paths: {} }
const SHAPE: MaterialShape = { ...NO_SHAPE, credentials: ['db.password'], environment: true }

function material(
  credentials: Record<string, string | Uint8Array> = { 'db.password': PLANTED },
  environment: Record<string, string> = { TOKEN: PLANTED },
  folders: Record<string, Record<string, string>> = {},
): ProgramMaterial {
  const bytes = (files: Record<string, string | Uint8Array>) =>
    new Map(Object.entries(files).map(([name, content]) => [name, Buffer.from(content)]))
  return {
    credentials: bytes(credentials),
    environment: new Map(Object.entries(environment)),
    folders: new Map(Object.entries(folders).map(([name, files]) => [name, bytes(files)])),
  }
}

async function startWith(fixture: ContractFixture, spec: ProgramSpec, given = material()): Promise<void> {
  await fixture.runtime.place(spec.id, given)
  await fixture.start(spec)
}

function run(command: readonly string[]): string {
  const { stdout, stderr } = spawnSync(command[0]!, command.slice(1), {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  })
  return stdout + stderr
}

const test = suite<{ fixture: ContractFixture }>(`material of units (${scope})`)
const systemOnly = scope === 'system' ? test : () => {}
test.before(async (context) => {
  context.fixture = await openFixture()
})
test.after(async ({ fixture }) => {
  await fixture?.dispose()
  for (const left of [layout.materialDir, layout.linkDir, layout.givenDir])
    assert.not.ok(existsSync(left), `${left} is left`)
})

for (const live of [false, true])
  test(`no value is in units, in what systemd tells, in arguments or on a disk (live: ${live})`, async ({
    fixture,
  }) => {
    const spec = fixture.shell(
      `[ "$TOKEN" ] && cat "$CREDENTIALS_DIRECTORY/db.password" >/dev/null && echo began; ${FOREVER}`,
      {
        material: { ...SHAPE, live },
      },
    )
    // another test's program prints the one that all others are given
    const secret = `${PLANTED}-${process.pid}-${live}`
    await startWith(fixture, spec, material({ 'db.password': secret }, { TOKEN: secret }))
    await fixture.printed(spec.id, 'began')
    const unit = unitName(spec.id)
    const user = scope === 'user' ? ['--user'] : []
    const bus = ['org.freedesktop.systemd1', objectPathOfUnit(unit)]
    const told = {
      unit: readFileSync(join(layout.unitDir, templateFile(spec.id)), 'utf8'),
      cat: systemctl('cat', unit),
      show: systemctl('show', '--all', unit),
      manager: systemctl('show-environment'),
      status: run(['systemctl', ...user, 'status', '--no-pager', '-l', unit]),
      bus: ['Service', 'Unit'].map((name) =>
        run([
          'busctl',
          ...user,
          'call',
          ...bus,
          'org.freedesktop.DBus.Properties',
          'GetAll',
          's',
          `org.freedesktop.systemd1.${name}`,
        ]),
      ),
      arguments: readdirSync('/proc')
        .filter((name) => /^\d+$/.test(name))
        .map((pid) =>
          existsSync(`/proc/${pid}/cmdline`) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '',
        ),
      journal: run(['journalctl', '--no-pager', '-o', 'export']),
    }
    assert.match(told.show, unit)
    for (const [where, text] of Object.entries(told))
      assert.not.match(String(text), secret, `a value is in ${where}`)
    const found = run(['grep', '-rlsF', '--', secret, '/var', '/etc', '/tmp', '/home', '/root'])
    assert.is(found, '', 'a value is on a disk')
    await fixture.stop(spec)
    await fixture.gone(spec)
  })

systemOnly('the service reads its own, and nobody else does', async ({ fixture }) => {
  for (const live of [false, true]) {
    const spec = fixture.shell(
      `f="$CREDENTIALS_DIRECTORY/db.password"
       echo "uid $(id -u) reads $(cat "$f")"; echo "mode $(stat -c %a "$f")"
       (echo x >"$f") 2>/dev/null || echo "cannot write"; rm -f "$f" 2>/dev/null || echo "cannot remove"
       (echo x >"$CREDENTIALS_DIRECTORY/y") 2>/dev/null || echo "cannot add"; ${FOREVER}`,
      { material: { ...SHAPE, live } },
    )
    await startWith(fixture, spec)
    const { text } = await fixture.printed(spec.id, /^uid /)
    assert.match(text, new RegExp(`^uid (6[1-5]\\d{3}) reads ${PLANTED}$`))
    for (const cannot of ['cannot write', 'cannot remove', 'cannot add'])
      await fixture.printed(spec.id, cannot)
    assert.is(property(spec.id, 'PrivateUsers'), 'yes')
    const { text: modes } = await fixture.printed(spec.id, /^mode /)
    assert.ok(/^mode [04]+$/.test(modes), `nobody else may read it: ${modes}`)
    // another service, by every path that there is, and a user of the machine
    const { pid } = await fixture.running(spec)
    const stem = templateFile(spec.id).replace('@.service', '')
    const paths = [
      join(layout.materialDir, stem, '0/credentials/db.password'),
      join(layout.materialDir, stem, '0/environment'),
      join(layout.givenDir, 'credentials/db.password'),
      `/run/credentials/${unitName(spec.id)}/db.password`,
      `/proc/${pid}/environ`,
      `/proc/${pid}/root${layout.givenDir}/credentials/db.password`,
      `/proc/${pid}/root/run/credentials/${unitName(spec.id)}/db.password`,
    ]
    const script = `for f in ${paths.join(' ')}; do cat "$f" 2>/dev/null | tr '\\0' '\\n' | grep -F ${PLANTED.slice(0, -1)} && echo "read $f"; done; echo tried; ${FOREVER}`
    for (const relax of [[], ['ProtectProc', 'PrivateUsers', 'PrivateMounts', 'ProtectSystem']]) {
      const other = fixture.shell(script, { relax })
      await fixture.start(other)
      await fixture.printed(other.id, 'tried')
      assert.equal(
        (await fixture.lines(other.id)).map((line) => line.text),
        ['tried'],
      )
      await fixture.stop(other)
    }
    // root finds it: the script can
    const root = fixture.shell(script, { relax: ['all'] })
    await fixture.start(root)
    await fixture.printed(root.id, 'tried')
    assert.ok((await fixture.lines(root.id)).some((line) => line.text === `read ${paths[0]}`))
    await fixture.stop(root)
    const asUser = run(['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups', 'cat', ...paths])
    assert.not.match(asUser, PLANTED)
    await fixture.stop(spec)
    await fixture.gone(spec)
  }
})

systemOnly(
  'what shows a path of its own is readable there, and live where it is live',
  async ({ fixture }) => {
    for (const live of [false, true]) {
      const spec = fixture.shell(
        `echo "key $(cat /srv/tls/key.pem) $(cat /srv/more/again) conf $(cat /srv/nginx/nginx.conf) in $CONFIG_NGINX"
       last=$(cat /srv/tls/key.pem)
       while :; do now=$(cat /srv/tls/key.pem); [ "$now" != "$last" ] && echo "changed $now $(cat /srv/nginx/nginx.conf)"; last=$now; sleep 0.05; done`,
        {
          material: {
            ...NO_SHAPE,
            credentials: ['tls.key'],
            live,
            folders: [{ name: 'nginx', path: '/srv/nginx' }],
            paths: { '/srv/tls/key.pem': 'tls.key', '/srv/more/again': 'tls.key' },
          },
        },
      )
      await startWith(fixture, spec, material({ 'tls.key': 'one' }, {}, { nginx: { 'nginx.conf': 'a' } }))
      await fixture.printed(spec.id, 'key one one conf a in /srv/nginx')
      await fixture.runtime.place(
        spec.id,
        material({ 'tls.key': 'two' }, {}, { nginx: { 'nginx.conf': 'b' } }),
      )
      if (live) {
        await fixture.printed(spec.id, /^changed two/)
      } else {
        const { pid } = await fixture.running(spec)
        assert.is(
          readFileSync(
            `/proc/${pid}/root/srv/tls/key.pem`.replace(
              '/srv/tls/key.pem',
              `/run/credentials/${unitName(spec.id)}/tls.key`,
            ),
            'utf8',
          ),
          'one',
        )
        assert.is(readFileSync(`/proc/${pid}/root/srv/nginx/nginx.conf`, 'utf8'), 'b')
      }
      await fixture.stop(spec)
      await fixture.gone(spec)
    }
  },
)

systemOnly('a service without any protection has the same', async ({ fixture }) => {
  for (const live of [false, true]) {
    const spec = fixture.shell(
      `echo "$(id -u) $(cat "$CREDENTIALS_DIRECTORY/db.password") $TOKEN"; ${FOREVER}`,
      {
        material: { ...SHAPE, live },
        relax: ['all'],
      },
    )
    await startWith(fixture, spec)
    await fixture.printed(spec.id, `0 ${PLANTED} ${PLANTED}`)
    assert.is.not(property(spec.id, 'LimitCORE'), '0')
    await fixture.stop(spec)
  }
})

test('each ordinal and each program of a group has its own', async ({ fixture }) => {
  const script = `echo "has $(cat "$CREDENTIALS_DIRECTORY/db.password") $TOKEN"; ${FOREVER}`
  const spec = fixture.shell(script, { material: SHAPE })
  const all = [
    spec,
    { ...spec, id: { ...spec.id, ordinal: 7 } },
    { ...spec, id: { ...spec.id, program: 'side' } },
  ]
  for (const [index, one] of all.entries())
    await startWith(fixture, one, material({ 'db.password': `p${index}` }, { TOKEN: `t${index}` }))
  for (const [index, { id }] of all.entries()) await fixture.printed(id, `has p${index} t${index}`)
  for (const one of all) await fixture.stop(one)
})

test('no core dump is left of what is given secrets', async ({ fixture }) => {
  const spec = fixture.shell(
    `grep 'core file' /proc/self/limits; echo "filter $(cat /proc/self/coredump_filter)"; ${FOREVER}`,
    {
      material: SHAPE,
    },
  )
  await startWith(fixture, spec)
  assert.match((await fixture.printed(spec.id, /core file/)).text, /core file size\s+0\s+0\s/)
  await fixture.printed(spec.id, 'filter 00000000')
  const { pid } = await fixture.running(spec)
  process.kill(pid, 'SIGABRT')
  const again = await fixture.running(spec, pid)
  assert.is(again.lastExit?.reason, 'signal', 'and not core-dump')
  await fixture.stop(spec)
})

/** Every variable that place takes reaches the program as it is, and systemd never quotes one in the journal. */
test('any text that is taken as a variable arrives as it is', async ({ fixture }) => {
  const hard = fc.stringMatching(/^[ -~\t\n]{0,40}$/)
  const quotes = fc.string({
    unit: fc.constantFrom('"', "'", '\\', '$', '`', '\n', ' ', '#', ';', '%', '=', 'a'),
    maxLength: 30,
  })
  const any = fc.string({ unit: 'binary', maxLength: 40 })
  const texts = fc.sample(fc.oneof(hard, quotes, any), { numRuns: 600, seed: 7 })
  const taken: string[] = []
  const probe = fixture.shell('exit 0')
  for (const text of texts) {
    const accepted = await fixture.runtime.place(probe.id, material({}, { V: text })).then(
      () => true,
      (error: Error) => {
        assert.match(error.message, /variable/)
        return false
      },
    )
    if (accepted) taken.push(text)
  }
  await fixture.runtime.forget(probe.id)
  assert.ok(taken.length > 400, `${taken.length} of ${texts.length} are taken`)
  const script = `const { createHash } = require('crypto'); const names = Object.keys(process.env).filter((name) => name.startsWith('V_')).sort(); console.log('sum', names.length, createHash('sha256').update(JSON.stringify(names.map((name) => [name, process.env[name]]))).digest('hex')); setInterval(() => {}, 1e6)`
  const spec = fixture.shell('', {
    command: [NODE, '-e', script],
    material: { ...NO_SHAPE, environment: true },
  })
  const variables = Object.fromEntries(
    taken.map((text, index) => [`V_${String(index).padStart(4, '0')}`, text]),
  )
  await startWith(fixture, spec, material({}, variables))
  const { createHash } = await import('node:crypto')
  const want = createHash('sha256')
    .update(JSON.stringify(Object.entries(variables)))
    .digest('hex')
  assert.is((await fixture.printed(spec.id, /^sum /)).text, `sum ${taken.length} ${want}`)
  assert.not.match(run(['journalctl', '--no-pager', '-o', 'cat']), /Ignoring invalid environment/)
  await fixture.stop(spec)
})

for (const [what, variables] of Object.entries<Record<string, string>>({
  'a carriage return': { V: `${PLANTED}\r` },
  'an escape character': { V: `\u001b${PLANTED}` },
  'half a surrogate pair': { V: `${PLANTED}\ud800` },
  'what is no character': { V: `${PLANTED}\ufffe` },
  'a name that systemd would quote in the journal': { 'my.key': PLANTED },
}))
  test(`place refuses ${what} in a variable, without saying it`, async ({ fixture }) => {
    const spec = fixture.shell('exit 0')
    try {
      await fixture.runtime.place(spec.id, material({}, variables))
      assert.unreachable()
    } catch (error) {
      assert.is((error as { code?: string }).code, 'Invalid', String(error))
      assert.not.match(JSON.stringify([String(error), error]), PLANTED)
    }
  })

test('more than systemd hands over is refused, but not where it is live', async ({ fixture }) => {
  const big = { 'db.password': new Uint8Array((1 << 20) - 10) }
  const spec = fixture.shell(`wc -c <"$CREDENTIALS_DIRECTORY/db.password"; ${FOREVER}`, {
    material: { ...SHAPE, environment: false },
  })
  await fixture.runtime.place(spec.id, material(big, {}))
  const error = await fixture.start(spec).then(
    () => undefined,
    (reason: { code?: string }) => reason,
  )
  assert.is(error?.code, 'TooLarge')
  const live = {
    ...spec,
    id: { ...spec.id, templateHash: 'b2b2b2b2b2' },
    material: { ...SHAPE, environment: false, live: true },
  }
  await startWith(fixture, live, material(big, {}))
  await fixture.printed(live.id, String((1 << 20) - 10))
  await fixture.stop(live)
  await fixture.stop(spec)
})

systemOnly(
  'where there is no room, what is there stays, and what is not said is what was in it',
  async () => {
    const runDir = mkdtempSync('/run/nsctl-small-')
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0755', 'none', runDir])
    const stateDir = mkdtempSync('/var/lib/nsctl-inside-')
    const options = {
      scope,
      stateDir,
      runDir,
      clock: systemClock,
      logger: silentLogger,
      signal: new AbortController().signal,
    } as const
    const runtime = await openSystemdRuntime(options)
    try {
      const id = {
        namespace: 'default',
        service: 'small',
        templateHash: 'h3kq9x2mzc',
        ordinal: 0,
        program: '',
      }
      const file = join(runDir, 'materials/nsctl-default_small_h3kq9x2mzc/0/credentials/db.password')
      await runtime.place(id, material())
      assert.is(statSync(file).mode & 0o777, 0o400)
      const error = await runtime.place(id, material({ 'db.password': PLANTED.repeat(10_000) })).then(
        () => undefined,
        (reason: Error & { code: string; next: string }) => reason,
      )
      assert.is(error?.code, 'Failed')
      assert.match(String(error), /db\.password could not be written: ENOSPC/)
      assert.not.match(JSON.stringify([String(error), error, error?.cause]), PLANTED)
      assert.is(readFileSync(file, 'utf8'), PLANTED)
      assert.equal(readdirSync(join(file, '../..')).includes('part'), false)
      await runtime.stop(id, { graceMs: 1, signal: 'SIGTERM' })
      assert.not.ok(existsSync(file))
    } finally {
      await runtime.removeAll({ purge: true, signal: AbortSignal.timeout(10_000) })
      await runtime.close()
      execFileSync('umount', [runDir])
      rmSync(runDir, { recursive: true })
      rmSync(stateDir, { recursive: true, force: true })
    }
  },
)

test('a place that is on a disk, or that somebody else has made, gets no secret', async () => {
  const base = scope === 'system' ? '/var/lib' : '/var/tmp'
  const stateDir = mkdtempSync(join(base, 'nsctl-inside-'))
  const open = (runDir: string) =>
    openSystemdRuntime({
      scope,
      stateDir,
      runDir,
      clock: systemClock,
      logger: silentLogger,
      signal: new AbortController().signal,
    })
  const id = { namespace: 'default', service: 'odd', templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' }
  const refusal = async (runDir: string) => {
    const runtime = await open(runDir)
    const error = await runtime.place(id, material()).then(
      () => undefined,
      (reason: Error) => reason,
    )
    const { cannot } = runtime.info
    await runtime.close()
    return { message: String(error), cannot }
  }
  const onDisk = join(stateDir, 'run')
  const disk = await refusal(onDisk)
  assert.match(disk.message, /is not in memory: no secret is put there/)
  assert.ok(disk.cannot.includes('secrets'))
  assert.is(run(['grep', '-rlF', PLANTED, stateDir]), '')
  const planted = mkdtempSync(join(layout.envDir, '../odd-'))
  mkdirSync(join(planted, 'elsewhere'))
  execFileSync('ln', ['-s', join(planted, 'elsewhere'), join(planted, 'materials')])
  assert.match((await refusal(planted)).message, /materials is not a folder: nothing secret is put there/)
  assert.equal(readdirSync(join(planted, 'elsewhere')), [])
  rmSync(join(planted, 'materials'))
  mkdirSync(join(planted, 'materials'), { mode: 0o755 })
  assert.match((await refusal(planted)).message, /can be entered by others/)
  rmSync(planted, { recursive: true })
  rmSync(stateDir, { recursive: true })
})

test('what is still the same is not written anew', async ({ fixture }) => {
  const spec = fixture.shell(FOREVER, { material: SHAPE })
  await fixture.runtime.place(spec.id, material())
  const dir = join(layout.materialDir, templateFile(spec.id).replace('@.service', ''), '0')
  const inodes = () => ['credentials/db.password', 'environment'].map((file) => statSync(join(dir, file)).ino)
  const before = inodes()
  await fixture.runtime.place(spec.id, material())
  assert.equal(inodes(), before)
  writeFileSync(join(dir, 'credentials/stray'), '')
  await fixture.runtime.place(spec.id, material())
  assert.equal(readdirSync(join(dir, 'credentials')), ['db.password'])
  await fixture.stop(spec)
})

test.run()
