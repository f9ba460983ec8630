/** What programs are given that is on no disk: how they find it, who else does not, and how long it is there. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import type { MaterialShape, ProgramMaterial, ProgramSpec } from '../../../src/runtimes/runtime.ts'
import { type ContractFixture, type ContractTest, eventually, startOf, WHO } from './fixture.ts'

const FOREVER = 'while :; do sleep 0.1; done'
/** What no unit, no argument and no file on a disk may have in it. */
const PLANTED = 'planted-7c1d5e0b'

const SHAPE: MaterialShape = {
  credentials: ['db.password', 'blob'],
  live: false,
  environment: true,
  folders: [{ name: 'my.app' }],
  paths: {},
}

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, i) => i)
const HARD = `a "b" 'c' $HOME \${X} \`id\` \\ \\n \\\n %h %% #; =é🔑\ttab\n\nlast `

function material(
  changes: {
    credentials?: Record<string, Uint8Array | string>
    environment?: Record<string, string>
    folders?: Record<string, Record<string, string>>
  } = {},
): ProgramMaterial {
  const { credentials = { 'db.password': `${PLANTED}-1`, blob: EVERY_BYTE } } = changes
  const { environment = { TOKEN: `${PLANTED}-2`, HARD }, folders = { 'my.app': { 'app.conf': 'a=1' } } } =
    changes
  const bytes = (files: Record<string, Uint8Array | string>) =>
    new Map(
      Object.entries(files).map(([name, content]) => [
        name,
        typeof content === 'string' ? Buffer.from(content) : content,
      ]),
    )
  return {
    credentials: bytes(credentials),
    environment: new Map(Object.entries(environment)),
    folders: new Map(Object.entries(folders).map(([name, files]) => [name, bytes(files)])),
  }
}

/** Tells what it sees once, then whenever it is told to, and at each change of what is live. */
const TELL = `
  hex() { od -An -v -tx1 | tr -d ' \\n'; }
  tell() {
    echo "$1 password $(cat "$CREDENTIALS_DIRECTORY/db.password") files $(echo $(ls "$CREDENTIALS_DIRECTORY"))"
    echo "$1 config $(cat "$CONFIG_MY_APP/app.conf") in $(echo $(ls "$CONFIG_MY_APP"))"
  }
  trap 'tell reloaded' HUP
  look() { cat "$CREDENTIALS_DIRECTORY/db.password" "$CONFIG_MY_APP/app.conf"; }
  tell began
  last=$(look)
  echo "blob $(hex <"$CREDENTIALS_DIRECTORY/blob")"
  ${WHO}
  echo "token $TOKEN of $who"
  echo "hard $(printf %s "$HARD" | hex)"
  while :; do
    now=$(look)
    [ "$now" != "$last" ] && tell changed
    last=$now
    sleep 0.05
  done`

function hex(data: string | Uint8Array): string {
  return Buffer.from(data).toString('hex')
}

/** Names of what lies where the runtime keeps material, for this program. */
function placed(fixture: ContractFixture, { id }: ProgramSpec): readonly string[] {
  const root = fixture.harness.materialRoot()
  try {
    return root === undefined ? [] : readdirSync(root).filter((name) => name.includes(id.service))
  } catch {
    return []
  }
}

async function startWith(fixture: ContractFixture, spec: ProgramSpec, given = material()): Promise<void> {
  await fixture.runtime.place(spec.id, given)
  await fixture.start(spec)
}

export function materialTests(test: ContractTest): void {
  handingOverTests(test)
  lifeTests(test)
  liveTests(test)
  refusalTests(test)
}

function handingOverTests(test: ContractTest): void {
  test('a program finds its credentials, its Configs and its secret variables, byte for byte', async ({
    fixture,
  }) => {
    const spec = fixture.shell(TELL, { material: SHAPE })
    await startWith(fixture, spec)
    await fixture.printed(spec.id, `hard ${hex(HARD)}`)
    const texts = (await fixture.lines(spec.id)).map(({ text }) => text)
    assert.ok(texts.includes(`began password ${PLANTED}-1 files blob db.password`), texts.join('\n'))
    assert.ok(texts.includes('began config a=1 in app.conf'), texts.join('\n'))
    assert.ok(texts.includes(`blob ${hex(EVERY_BYTE)}`))
    await toldToken(fixture, spec)
    assert.equal(
      readdirSync('/proc').filter((pid) => argumentsOf(pid).includes(PLANTED)),
      [],
      'no argument of any process has a value in it',
    )
    await fixture.stop(spec)
    await fixture.gone(spec)
  })

  test('a command beside a program has the same', async ({ fixture }) => {
    const spec = fixture.shell(TELL, { material: SHAPE })
    await startWith(fixture, spec)
    await toldToken(fixture, spec)
    const script = `[ "$(cat "$CREDENTIALS_DIRECTORY/db.password")" = "$1-1" ] && [ "$TOKEN" = "$1-2" ] && [ "$(cat "$CONFIG_MY_APP/app.conf")" = a=1 ]`
    const options = { tty: false, stdin: false, quiet: true }
    const command = ['/bin/sh', '-c', script, 'sh', PLANTED] as const
    const code = await fixture.harness
      .reader()
      .exec(spec.id, { ...options, command }, AbortSignal.timeout(10_000))
    assert.is(code, 0)
    await fixture.stop(spec)
  })

  test('a program with nothing of it has none of its variables', async ({ fixture }) => {
    const spec = fixture.shell(`echo "none \${CREDENTIALS_DIRECTORY-} \${CONFIG_MY_APP-}"; ${FOREVER}`)
    await fixture.start(spec)
    await fixture.printed(spec.id, /^none\s*$/)
    await fixture.stop(spec)
  })
}

function lifeTests(test: ContractTest): void {
  test('what crashes has it again, whoever looks', async ({ fixture }) => {
    const spec = fixture.shell(TELL, { material: SHAPE })
    await startWith(fixture, spec)
    const before = await fixture.running(spec)
    await toldToken(fixture, spec)
    process.kill(before.pid, 'SIGKILL')
    const second = await fixture.running(spec, before.pid)
    await toldToken(fixture, spec, second.pid)
    await fixture.runtime.close()
    process.kill(second.pid, 'SIGKILL')
    fixture.runtime = await fixture.harness.open()
    await toldToken(fixture, spec, (await fixture.running(spec, second.pid)).pid)
    await fixture.stop(spec)
    await fixture.gone(spec)
  })

  test('it goes with its program, and not with the one before', async ({ fixture }) => {
    const spec = fixture.shell(TELL, { material: SHAPE })
    await startWith(fixture, spec)
    await toldToken(fixture, spec)
    assert.is.not(placed(fixture, spec).length, 0)
    // placed for the next while the one before is ending
    await fixture.stop(spec)
    await fixture.runtime.place(spec.id, material({ environment: { TOKEN: 'the next', HARD } }))
    await fixture.gone(spec)
    await fixture.start(spec)
    await fixture.printed(spec.id, /^token the next/)
    await fixture.stop(spec)
    await fixture.gone(spec)
    await eventually('nothing is left', () => placed(fixture, spec).length === 0)
  })

  test('what was placed and never started goes when it is stopped or forgotten', async ({ fixture }) => {
    for (const end of ['stop', 'forget'] as const) {
      const spec = fixture.shell(FOREVER, { material: SHAPE })
      await fixture.runtime.place(spec.id, material())
      assert.is.not(placed(fixture, spec).length, 0)
      await (end === 'stop' ? fixture.stop(spec) : fixture.runtime.forget(spec.id))
      assert.is(placed(fixture, spec).length, 0, end)
    }
  })

  test('what an earlier process placed for nothing is gone with the next', async ({ fixture }) => {
    const spec = fixture.shell(FOREVER, { material: SHAPE })
    await fixture.runtime.place(spec.id, material())
    await fixture.reopen()
    assert.is(placed(fixture, spec).length, 0)
  })
}

function liveTests(test: ContractTest): void {
  test('what is live changes beneath a running program, and a signal reaches it', async ({ fixture }) => {
    const spec = fixture.shell(TELL, { material: { ...SHAPE, live: true } })
    await startWith(fixture, spec)
    await toldToken(fixture, spec)
    const { pid } = await fixture.running(spec)
    await fixture.runtime.place(
      spec.id,
      material({
        credentials: { 'db.password': 'new' },
        folders: { 'my.app': { 'app.conf': 'a=2', 'more.conf': '' } },
      }),
    )
    await fixture.printed(spec.id, /^changed password new /)
    await fixture.runtime.reload(spec.id, 'SIGHUP')
    await fixture.printed(spec.id, 'reloaded password new files db.password')
    await fixture.printed(spec.id, 'reloaded config a=2 in app.conf more.conf')
    assert.is((await fixture.running(spec)).pid, pid)
    await fixture.stop(spec)
    await fixture.gone(spec)
    await fixture.runtime.reload(spec.id, 'SIGHUP')
  })
}

function refusalTests(test: ContractTest): void {
  test('without its material nothing runs', async ({ fixture }) => {
    const spec = fixture.shell(`echo ran; ${FOREVER}`, { material: SHAPE })
    const refused = await fixture.start(spec).then(
      () => undefined,
      (error: Error) => error,
    )
    if (refused === undefined) assert.match((await fixture.exited(spec)).lastExit?.message ?? '', /in place/)
    else assert.match(refused.message, /in place/)
    assert.equal(await fixture.lines(spec.id), [])
    await fixture.stop(spec)
    await fixture.runtime.forget(spec.id)
  })

  for (const c of [
    { name: 'a name that leads elsewhere', given: material({ credentials: { '../x': PLANTED } }) },
    { name: 'the name of the folder above', given: material({ credentials: { '..': PLANTED } }) },
    { name: 'a folder that leads elsewhere', given: material({ folders: { '..': { x: PLANTED } } }) },
    { name: 'a variable with a zero byte', given: material({ environment: { A: `${PLANTED}\0` } }) },
    { name: 'a variable without a name', given: material({ environment: { '': PLANTED } }) },
    { name: 'a name with an equals sign', given: material({ environment: { 'A=B': PLANTED } }) },
  ])
    test(`place refuses ${c.name}, and does not say what is in it`, async ({ fixture }) => {
      const spec = fixture.shell(FOREVER, { material: SHAPE })
      try {
        await fixture.runtime.place(spec.id, c.given)
        assert.unreachable()
      } catch (error) {
        assert.is((error as { code?: string }).code, 'Invalid', String(error))
        assert.not.match(JSON.stringify([String(error), error]), PLANTED)
      }
      assert.is(placed(fixture, spec).length, 0)
    })
}

/** Waits until it has told its variable, by now or by that very process. */
async function toldToken(fixture: ContractFixture, spec: ProgramSpec, pid?: number): Promise<void> {
  const of = pid ?? (await fixture.running(spec)).pid
  await fixture.printed(spec.id, `token ${PLANTED}-2 of ${startOf(of)}`)
}

function argumentsOf(pid: string): string {
  if (!/^\d+$/.test(pid)) return ''
  try {
    return readFileSync(join('/proc', pid, 'cmdline'), 'utf8')
  } catch {
    return ''
  }
}
