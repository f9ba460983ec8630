/** What plain processes are given on no disk: where it lies, and where it must not. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isInMemory } from '../../../src/runtimes/material-files.ts'
import { layoutOf, makeLayout } from '../../../src/runtimes/process/layout.ts'
import {
  type MaterialOptions,
  materialVariables,
  ProcessMaterials,
} from '../../../src/runtimes/process/materials.ts'
import type { MaterialShape, ProgramMaterial } from '../../../src/runtimes/runtime.ts'
import { needs } from '../../parts.ts'
import { materialRootOf, withRuntime } from './fixture.ts'

const PLANTED = 'planted-b81e62d7'
const SHAPE: MaterialShape = {
  credentials: ['db.password'],
  live: false,
  environment: true,
  folders: [],
  paths: {},
}
const id = { namespace: 'default', service: 'web', templateHash: 'h3kq9x2mzc', ordinal: 0, program: '' }

function material(text = PLANTED): ProgramMaterial {
  return {
    credentials: new Map([['db.password', Buffer.from(text)]]),
    environment: new Map([['TOKEN', text]]),
    folders: new Map([['app', new Map([['app.conf', Buffer.from('a=1')]])]]),
  }
}

const plain: ProgramMaterial = { ...material(), credentials: new Map(), environment: new Map() }

const inMemory = needs(test, isInMemory('/dev/shm'), 'a file system in memory at /dev/shm')
const asRoot = needs(test, isInMemory('/dev/shm') && process.getuid?.() === 0, 'root, and /dev/shm in memory')

interface Place {
  readonly dir: string
  /** A folder in memory. */
  readonly memory: string
  readonly layout: ReturnType<typeof layoutOf>
  open(options?: Partial<MaterialOptions>): ProcessMaterials
}

function withPlace(work: (place: Place) => void): () => void {
  return () => {
    const dir = mkdtempSync(join(tmpdir(), 'nsctl-materials-'))
    const memory = mkdtempSync('/dev/shm/nsctl-test-')
    const layout = layoutOf(join(dir, 'state'))
    makeLayout(layout)
    const open = (options: Partial<MaterialOptions> = {}) =>
      new ProcessMaterials(layout, { env: {}, platform: 'linux', shared: memory, ...options })
    try {
      work({ dir, memory, layout, open })
    } finally {
      rmSync(dir, { recursive: true, force: true })
      rmSync(memory, { recursive: true, force: true })
    }
  }
}

/** Files below `dir` that have `text` in them. */
function filesWith(dir: string, text: string): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => readFileSync(file).includes(text))
}

inMemory(
  'nothing of it is in the state, and a core dump is not left',
  withRuntime(async ({ fixture, stateDir, logged }) => {
    const script = `cat "$CREDENTIALS_DIRECTORY/db.password" >/dev/null && [ "$TOKEN" ] && echo "core $(ulimit -c)"; while :; do sleep 0.1; done`
    const spec = fixture.shell(script, { material: SHAPE })
    await fixture.runtime.place(spec.id, material())
    await fixture.start(spec)
    await fixture.printed(spec.id, 'core 0')
    assert.equal(filesWith(stateDir, PLANTED), [])
    assert.not.match(logged.join('\n'), PLANTED)
    const root = materialRootOf(stateDir)!
    assert.ok(isInMemory(root))
    assert.is(statSync(root).mode & 0o777, 0o700)
    const files = filesWith(root, PLANTED)
    assert.is(files.length, 2)
    for (const file of files) assert.is(statSync(file).mode & 0o777, 0o400, file)
    await fixture.stop(spec)
    await fixture.gone(spec)
    await fixture.runtime.removeAll({ purge: false, signal: AbortSignal.timeout(10_000) })
    assert.not.ok(existsSync(root))
  }),
)

inMemory(
  '$XDG_RUNTIME_DIR is taken where it is ours and in memory',
  withPlace(({ memory, layout, open, dir }) => {
    const own = join(memory, 'own')
    mkdirSync(own, { mode: 0o700 })
    open({ env: { XDG_RUNTIME_DIR: own }, shared: dir }).place(id, material())
    assert.equal(filesWith(own, PLANTED).length, 2)
    assert.equal(materialVariables(layout, { id, material: SHAPE }).TOKEN, PLANTED)
  }),
)

inMemory(
  'the place in use stays, whatever the next process is told',
  withPlace(({ memory, layout, open }) => {
    open().place(id, material())
    const before = readFileSync(layout.materials, 'utf8')
    const own = join(memory, 'own')
    mkdirSync(own, { mode: 0o700 })
    open({ env: { XDG_RUNTIME_DIR: own } }).place(id, material('changed'))
    assert.is(readFileSync(layout.materials, 'utf8'), before)
    assert.equal(readdirSync(own), [])
    // but it goes with a logout or a reboot
    rmSync(before, { recursive: true })
    open({ env: { XDG_RUNTIME_DIR: own } }).place(id, material('changed'))
    assert.equal(filesWith(own, 'changed').length, 2)
  }),
)

inMemory(
  'what takes the place of a folder of ours gets nothing',
  withPlace(({ memory, open }) => {
    const name = `nsctl-${process.getuid?.()}`
    const elsewhere = join(memory, 'elsewhere')
    mkdirSync(elsewhere, { mode: 0o700 })
    for (const [plant, message] of [
      [() => symlinkSync(elsewhere, join(memory, name)), /is not a folder: nothing secret is put there/],
      [() => writeFileSync(join(memory, name), ''), /is not a folder/],
      [
        () => {
          mkdirSync(join(memory, name))
          chmodSync(join(memory, name), 0o755)
        },
        /can be entered by others/,
      ],
    ] as const) {
      plant()
      assert.throws(() => open().place(id, material()), message)
      assert.equal(filesWith(memory, PLANTED), [])
      rmSync(join(memory, name), { recursive: true })
    }
    assert.equal(readdirSync(elsewhere), [])
    open().place(id, material())
    assert.ok(lstatSync(join(memory, name)).isDirectory())
  }),
)

asRoot(
  'nor does what belongs to somebody else',
  withPlace(({ memory, dir, open }) => {
    const { chownSync } = process.getBuiltinModule('node:fs')
    const name = join(memory, 'nsctl-0')
    mkdirSync(name, { mode: 0o700 })
    chownSync(name, 12_345, 12_345)
    assert.throws(() => open().place(id, material()), /belongs to the user 12345/)
    // sudo keeps the variable: that user could swap what is in it
    const theirs = join(memory, 'theirs')
    mkdirSync(theirs, { mode: 0o700 })
    chownSync(theirs, 12_345, 12_345)
    rmSync(name, { recursive: true })
    open({ env: { XDG_RUNTIME_DIR: theirs } }).place(id, material())
    assert.equal(readdirSync(theirs), [])
    assert.equal(filesWith(dir, PLANTED), [])
  }),
)

inMemory(
  'without a file system in memory secrets are refused, and plain settings are not',
  withPlace(({ dir, layout, open }) => {
    const materials = open({ shared: dir })
    assert.equal(materials.cannot, ['secrets'])
    assert.throws(() => materials.place(id, material()), /no secret is put on a disk/)
    assert.equal(filesWith(dir, PLANTED), [])
    materials.place(id, plain)
    const shape = { ...SHAPE, credentials: [], environment: false, folders: [{ name: 'app' }] }
    const { CONFIG_APP } = materialVariables(layout, { id, material: shape })
    assert.is(readFileSync(join(CONFIG_APP!, 'app.conf'), 'utf8'), 'a=1')
    // and secrets stay refused then
    assert.throws(() => materials.place(id, material()), /no secret is put on a disk/)
    assert.equal(filesWith(dir, PLANTED), [])
  }),
)

inMemory(
  'a system that has none keeps them where only their owner can enter, and says so',
  withPlace(({ dir, layout, open }) => {
    const materials = open({ platform: 'darwin' })
    assert.equal(materials.cannot, ['secrets.memory'])
    materials.place(id, material())
    const root = readFileSync(layout.materials, 'utf8')
    assert.ok(root.startsWith(layout.root))
    assert.is(statSync(root).mode & 0o777, 0o700)
    assert.is(filesWith(dir, PLANTED).length, 2)
    materials.clear()
    assert.equal(filesWith(dir, PLANTED), [])
  }),
)

inMemory(
  'what lies there for a state that is gone is removed by the next, and nothing else',
  withPlace(({ dir, memory, open }) => {
    const others = ['gone', 'there', 'elsewhere', 'unsigned'].map((name) => {
      const layout = layoutOf(join(dir, name))
      makeLayout(layout)
      new ProcessMaterials(layout, { env: {}, platform: 'linux', shared: memory }).place(id, material())
      return { layout, root: readFileSync(layout.materials, 'utf8') }
    })
    const [, , elsewhere, unsigned] = others
    const seenElsewhere = JSON.stringify({ state: elsewhere!.layout.root, view: 'mnt:[1]' })
    writeFileSync(join(elsewhere!.root, 'owner'), seenElsewhere)
    rmSync(join(unsigned!.root, 'owner'))
    for (const name of ['gone', 'elsewhere', 'unsigned']) rmSync(join(dir, name), { recursive: true })
    const materials = open()
    materials.place(id, material())
    materials.sweep(() => true)
    assert.equal(
      others.map(({ root }) => existsSync(root)),
      [false, true, true, true],
    )
    materials.sweep(() => false)
    assert.equal(filesWith(others[1]!.root, PLANTED).length, 2)
  }),
)

inMemory(
  'what is torn is told without what is in it',
  withPlace(({ layout, open }) => {
    open().place(id, material())
    const root = readFileSync(layout.materials, 'utf8')
    const [file] = filesWith(root, `"TOKEN"`)
    chmodSync(file!, 0o600)
    writeFileSync(file!, `[["TOKEN","${PLANTED}`)
    try {
      materialVariables(layout, { id, material: SHAPE })
      assert.unreachable()
    } catch (error) {
      assert.match(String(error), /its secret variables are not in place/)
      assert.not.match(JSON.stringify([String(error), error, (error as Error).cause]), PLANTED)
    }
  }),
)

test.run()
