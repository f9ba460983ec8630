import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { layoutOf } from '../../../../src/runtimes/systemd/layout.ts'
import { objectPathOfUnit, templateFile, unitName } from '../../../../src/runtimes/systemd/names.ts'
import type { ContractFixture } from '../../contract/fixture.ts'
import { openFixture, property, scope, systemctl } from './fixture.ts'
import { FOREVER, material, NO_SHAPE, PLANTED, run, SHAPE, startWith } from './materials-fixture.ts'

const layout = layoutOf({ scope, stateDir: '/nowhere' })

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

test.run()
