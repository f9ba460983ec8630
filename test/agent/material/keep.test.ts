import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { MaterialKeep } from '../../../src/agent/material/keep.ts'
import { placeKept } from '../../../src/agent/material/restore.ts'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { ProgramId, ProgramMaterial } from '../../../src/runtimes/runtime.ts'
import { RecordingLogger } from '../../engine/harness.ts'
import { startAgent } from './agent.ts'
import { FakeSeal } from './fake-seal.ts'

const test = suite<{ dir: string }>('material kept for the next boot')
test.before.each(async (context) => {
  context.dir = await mkdtemp(join(tmpdir(), 'nsctl-keep-'))
})
test.after.each(async ({ dir }) => rm(dir, { recursive: true, force: true }))

const id: ProgramId = {
  ...{ namespace: 'default', service: 'web', templateHash: 'h3kq9x2mzc' },
  ...{ ordinal: 0, program: '' },
}
const other = { ...id, ordinal: 1 }
const VALUE = 'hunter2-planted'
const material: ProgramMaterial = {
  credentials: new Map([
    ['db.password', Buffer.from(VALUE)],
    ['db.key', new Uint8Array([0, 255, 10])],
  ]),
  environment: new Map([['PW', `${VALUE}\n`]]),
  folders: new Map([['app', new Map([['app.conf', Buffer.from('a=1')]])]]),
}
const FILE = 'default_web_h3kq9x2mzc_0_.age'

/** Comparable whatever kind of bytes they are. */
function plain({ credentials, environment, folders }: ProgramMaterial): unknown {
  const files = (map: ReadonlyMap<string, Uint8Array>) =>
    [...map].map(([name, content]) => [name, Buffer.from(content).toString('hex')])
  return [files(credentials), [...environment], [...folders].map(([name, map]) => [name, files(map)])]
}

test('gives back what was kept, from a file that nobody else may read', async ({ dir }) => {
  const folder = join(dir, 'materials')
  const keep = new MaterialKeep({ dir: folder, seal: new FakeSeal() })
  assert.is(await keep.load(id), undefined)
  await keep.save(id, material)
  assert.equal(await readdir(folder), [FILE])
  assert.is((await stat(folder)).mode & 0o777, 0o700)
  assert.is((await stat(join(folder, FILE))).mode & 0o777, 0o600)
  const next = new MaterialKeep({ dir: folder, seal: new FakeSeal() })
  assert.equal(plain((await next.load(id)) as ProgramMaterial), plain(material))
})

test('seals again only what has changed', async ({ dir }) => {
  const seal = new FakeSeal()
  let seals = 0
  const counting = {
    seal: (bytes: Uint8Array) => {
      seals++
      return seal.seal(bytes)
    },
    open: (text: string) => seal.open(text),
  }
  const keep = new MaterialKeep({ dir, seal: counting })
  await keep.save(id, material)
  await keep.save(id, { ...material, environment: new Map(material.environment) })
  assert.is(seals, 1)
  await keep.save(id, { ...material, environment: new Map([['PW', 'new']]) })
  assert.is(seals, 2)
  assert.is((await keep.load(id))?.environment.get('PW'), 'new')
  await keep.remove(id)
  assert.is(await keep.load(id), undefined)
  await keep.save(id, material)
  assert.is(seals, 3)
})

test("opens nothing that is another program's", async ({ dir }) => {
  const keep = new MaterialKeep({ dir, seal: new FakeSeal() })
  await keep.save(other, material)
  await keep.save(id, material)
  await writeFile(join(dir, FILE), await readFile(join(dir, FILE.replace('_0_', '_1_'))))
  const error = await keep.load(id).catch((thrown) => thrown)
  assert.ok(isNsctlError(error, 'Invalid'))
  assert.not.match(`${error.message} ${error.next} ${JSON.stringify(error)}`, VALUE)
})

test('opens nothing that holds something else under the right name', async ({ dir }) => {
  const seal = new FakeSeal()
  const header = 'nsctl.dev/material/v1 default/web/h3kq9x2mzc/0/'
  for (const body of [
    '',
    `\n${VALUE}`,
    `${header}\n${VALUE}`,
    `${header}\n{"credentials":"${VALUE}"}`,
    `${header}\nnull`,
  ]) {
    await writeFile(join(dir, FILE), await seal.seal(Buffer.from(body)))
    const error = await new MaterialKeep({ dir, seal }).load(id).catch((thrown) => thrown)
    assert.ok(isNsctlError(error, 'Invalid'), body)
    assert.not.match(`${error.message} ${error.stack} ${JSON.stringify(error)}`, VALUE)
  }
})

test('removes what is kept of programs that nobody wants any more', async ({ dir }) => {
  const keep = new MaterialKeep({ dir, seal: new FakeSeal() })
  await keep.save(id, material)
  await keep.save(other, material)
  await writeFile(join(dir, 'default_gone_h3kq9x2mzc_0_.age.part'), '')
  await keep.retain([other])
  assert.equal(await readdir(dir), [FILE.replace('_0_', '_1_')])
  await new MaterialKeep({ dir: join(dir, 'none'), seal: new FakeSeal() }).retain([id])
})

test('property: everything comes back as it was', async ({ dir }) => {
  const keep = new MaterialKeep({ dir, seal: new FakeSeal() })
  const files = fc
    .array(fc.tuple(fc.string(), fc.uint8Array()), { maxLength: 4 })
    .map((pairs) => new Map(pairs))
  await fc.assert(
    fc.asyncProperty(
      files,
      fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 4 }),
      fc.array(fc.tuple(fc.string(), files), { maxLength: 3 }),
      async (credentials, environment, folders) => {
        const one = { credentials, environment: new Map(environment), folders: new Map(folders) }
        await keep.save(id, one)
        assert.equal(plain((await keep.load(id)) as ProgramMaterial), plain(one))
      },
    ),
    { numRuns: 50 },
  )
})

test('after a boot a program is started with what was kept, and not at all where that cannot be opened', async ({
  dir,
}) => {
  const seal = new FakeSeal()
  const keep = new MaterialKeep({ dir, seal })
  await keep.save(id, material)
  const logger = new RecordingLogger()
  const placed: unknown[] = []
  const runtime = { place: async (_: ProgramId, one: ProgramMaterial) => void placed.push(plain(one)) }
  const options = { keep: new MaterialKeep({ dir, seal }), runtime, logger }
  assert.is(await placeKept(id, options), true)
  assert.equal(placed, [plain(material)])
  assert.is(await placeKept(other, options), true, 'of this one nothing was kept: it needs nothing')
  seal.own = ['age1new']
  assert.is(await placeKept(id, options), false)
  assert.is(placed.length, 1)
  const [said] = logger.lines
  assert.match(JSON.stringify(said), 'cannot be opened: it is sealed to somebody else')
  assert.match(JSON.stringify(said), 'default/web/h3kq9x2mzc/0/')
})

test('an agent keeps what it places for as long as the instance is there', async ({ dir }) => {
  const agent = await startAgent(() => new MaterialKeep({ dir, seal: new FakeSeal() }))
  try {
    const db = { kind: 'Secret', name: 'db', version: 'v1' } as const
    await agent.deliver(db, { password: VALUE })
    await agent.run({ secrets: [{ name: 'db', optional: false, onChange: 'restart' }] }, [db])
    await agent.until(async () => assert.is((await agent.instance())?.status?.phase, 'Running'))
    assert.equal(await readdir(dir), [FILE])
    const kept = await new MaterialKeep({ dir, seal: new FakeSeal() }).load(id)
    assert.is(Buffer.from(kept?.credentials.get('db.password') ?? []).toString(), VALUE)
    await agent.remove()
    await agent.until(async () => assert.equal(await readdir(dir), []))
  } finally {
    await agent.stop()
  }
})

test('what another key has sealed is written anew by the next agent, though nothing starts', async ({
  dir,
}) => {
  const old = new FakeSeal(['age1old'])
  const next = new FakeSeal(['age1new'])
  const seal = {
    use: old,
    seal: (plain: Uint8Array) => seal.use.seal(plain),
    open: (text: string) => seal.use.open(text),
  }
  const keep = () => new MaterialKeep({ dir, seal })
  const agent = await startAgent(keep)
  try {
    const db = { kind: 'Secret', name: 'db', version: 'v1' } as const
    await agent.deliver(db, { password: VALUE })
    await agent.run({ secrets: [{ name: 'db', optional: false, onChange: 'restart' }] }, [db])
    await agent.until(async () => assert.is((await agent.instance())?.status?.phase, 'Running'))
    const calls = [...agent.runtime.calls]
    seal.use = next
    await agent.restart()
    await agent.until(async () =>
      assert.ok(await new MaterialKeep({ dir, seal: next }).load(id).catch(() => undefined)),
    )
    assert.equal(agent.runtime.calls, calls)
    const written = await stat(join(dir, FILE))
    await agent.restart()
    await agent.until(() => assert.is(agent.runtime.calls.length, calls.length))
    assert.is((await stat(join(dir, FILE))).mtimeMs, written.mtimeMs, 'what is well is left alone')
  } finally {
    await agent.stop()
  }
})

test('a disk that takes nothing keeps no program from running', async ({ dir }) => {
  const file = join(dir, 'file')
  await writeFile(file, '')
  const agent = await startAgent(
    () => new MaterialKeep({ dir: join(file, 'materials'), seal: new FakeSeal() }),
  )
  try {
    const db = { kind: 'Secret', name: 'db', version: 'v1' } as const
    await agent.deliver(db, { password: VALUE })
    await agent.run({ secrets: [{ name: 'db', optional: false, onChange: 'restart' }] }, [db])
    await agent.until(async () => assert.is((await agent.instance())?.status?.phase, 'Running'))
    assert.match(JSON.stringify(agent.logger.lines), 'cannot keep what a program is given')
    assert.not.match(JSON.stringify(agent.logger.lines), VALUE)
  } finally {
    await agent.stop()
  }
})

test.run()
