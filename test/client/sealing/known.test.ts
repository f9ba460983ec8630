import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { noteKnown, readKnown } from '../../../src/client/sealing/known.ts'
import { isNsctlError } from '../../../src/core/errors.ts'

const test = suite<{ folder: string; file: string }>('known recipients')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'nsctl-known-'))
  context.file = join(context.folder, 'deep', 'known-recipients')
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true }))

const STORE = 'sqlite:/home/ada/my store.db'

test('nothing is known of a store that was never used', async ({ file }) => {
  assert.is(await readKnown(file, STORE), undefined)
  await noteKnown(file, 'consul://a', new Map([['bob', 'age1b']]))
  assert.is(await readKnown(file, STORE), undefined)
})

test('the last line of a name holds, and what went is not known any more', async ({ file }) => {
  await noteKnown(
    file,
    STORE,
    new Map([
      ['bob', 'age1b'],
      ['eve', 'age1e'],
    ]),
  )
  await noteKnown(
    file,
    STORE,
    new Map([
      ['bob', 'age1c'],
      ['eve', undefined],
    ]),
  )
  assert.equal([...(await readKnown(file, STORE))!], [['bob', 'age1c']])
  await noteKnown(file, STORE, new Map([['bob', undefined]]))
  assert.is((await readKnown(file, STORE))?.size, 0, 'nobody is known, and it is no first use')
  assert.is(statSync(file).mode & 0o777, 0o600)
  assert.match(readFileSync(file, 'utf8'), /^sqlite:\/home\/ada\/my%20store\.db bob age1b\n/)
})

test('nothing to note makes no file', async ({ file }) => {
  await noteKnown(file, STORE, new Map())
  assert.is(statSync(file, { throwIfNoEntry: false }), undefined)
})

test('notes of many at once are all there', async ({ file }) => {
  const names = Array.from({ length: 40 }, (_, n) => `r${n}`)
  await Promise.all(names.map((name) => noteKnown(file, STORE, new Map([[name, `age1${name}`]]))))
  assert.equal([...(await readKnown(file, STORE))!.keys()].sort(), names.sort())
})

for (const line of ['memory: bob', 'memory: bob AGE-SECRET-KEY-1', 'what is this', 'memory: bob age1b more'])
  test(`a line that is none is refused and not forgotten: ${line}`, async ({ folder }) => {
    const file = join(folder, 'known')
    writeFileSync(file, `# mine\n\nmemory: eve age1e\n${line}\n`)
    const error = await readKnown(file, 'memory:').catch((thrown: unknown) => thrown)
    assert.ok(isNsctlError(error, 'Invalid'))
    assert.is((error as Error).message, `${file}:4: is no line of known recipients`)
  })

test('a place that cannot be written is said', async ({ folder }) => {
  writeFileSync(join(folder, 'file'), '')
  const file = join(folder, 'file', 'known')
  const error = await noteKnown(file, STORE, new Map([['bob', 'age1b']])).catch((thrown: unknown) => thrown)
  assert.ok(isNsctlError(error, 'Unreachable'), String(error))
})

test.run()
