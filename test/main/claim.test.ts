import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../src/core/errors.ts'
import { claimPrograms, handOverPrograms, nodeName, readClaim } from '../../src/main/claim.ts'

const test = suite<{ folder: string; stateDir: string }>('claim')
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), 'nsctl-claim-'))
  context.stateDir = join(context.folder, 'state/process')
})
test.after.each(({ folder }) => rmSync(folder, { recursive: true }))

test('the first store has the programs, under the name of the host', async ({ stateDir }) => {
  assert.is(await readClaim(stateDir), undefined)
  const claim = { storeUrl: 'sqlite:/a.db', node: 'box.lan' }
  assert.equal(await claimPrograms(stateDir, 'sqlite:/a.db', 'Box.lan'), claim)
  assert.equal(await readClaim(stateDir), claim)
})

test('a machine keeps its name as a Node when its host name changes', async ({ stateDir }) => {
  await claimPrograms(stateDir, 'sqlite:/a.db', 'box')
  const { node } = await claimPrograms(stateDir, 'sqlite:/a.db', 'renamed')
  assert.is(node, 'box', 'under another name every program would be nobody’s, and ended')
})

test('another store is refused, and told whose the programs are', async ({ stateDir }) => {
  await claimPrograms(stateDir, 'sqlite:/a.db', 'box')
  try {
    await claimPrograms(stateDir, 'sqlite:/b.db', 'box')
    assert.unreachable('the programs were claimed for two stores')
  } catch (error) {
    assert.ok(isNsctlError(error, 'Conflict'), String(error))
    assert.is(error.message, "this machine's programs belong to the store sqlite:/a.db, not sqlite:/b.db")
    assert.match(error.next ?? '', /--store sqlite:\/a\.db/)
  }
})

test('of several stores at once one has the programs, and nothing else is left behind', async ({
  stateDir,
}) => {
  const stores = ['a', 'b', 'c', 'd'].map((name) => `sqlite:/${name}.db`)
  const outcomes = await Promise.allSettled(stores.map((url) => claimPrograms(stateDir, url, 'box')))
  assert.is(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
  assert.equal(readdirSync(stateDir), ['store-url'])
})

for (const [host, name] of [
  ['web-1', 'web-1'],
  ['Ann’s Laptop.local', 'ann-s-laptop.local'],
  ['-._', 'localhost'],
  ['', 'localhost'],
] as const) {
  test(`${JSON.stringify(host)} is called ${name}`, () => assert.is(nodeName(host), name))
}

test('programs are handed over to the copy of their store, under the same name', async ({ stateDir }) => {
  assert.is(await handOverPrograms(stateDir, 'sqlite:/a.db', 'sqlite:/b.db'), false, 'there are none')
  await claimPrograms(stateDir, 'sqlite:/a.db', 'box')
  assert.is(
    await handOverPrograms(stateDir, 'sqlite:/other.db', 'sqlite:/b.db'),
    false,
    'they are another store’s',
  )
  assert.ok(await handOverPrograms(stateDir, 'sqlite:/a.db', 'sqlite:/b.db'))
  const { storeUrl, node } = await claimPrograms(stateDir, 'sqlite:/b.db', 'renamed')
  assert.equal([storeUrl, node], ['sqlite:/b.db', 'box'])
  assert.equal(readdirSync(stateDir).length, 1, 'a draft was left behind')
})

test.run()
