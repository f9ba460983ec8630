/** Plain text in memory, and gone however its user ends. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { withMemoryFolder } from '../../src/commands/memory-folder.ts'

const module = join(import.meta.dirname, '../../src/commands/memory-folder.ts')

/** A process that holds a folder open; resolves once it does. */
async function holder(parent: string) {
  const code = `import { withMemoryFolder } from ${JSON.stringify(module)}
import { writeFileSync } from 'node:fs'
await withMemoryFolder({ env: { XDG_RUNTIME_DIR: ${JSON.stringify(parent)} }, isDiskAllowed: false }, async (folder) => {
  writeFileSync(folder + '/db.yaml', 'hunter2')
  console.log(folder)
  await new Promise((settle) => setTimeout(settle, 60_000))
})`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<NodeJS.Signals | null>((settle) =>
    child.on('close', (_, signal) => settle(signal)),
  )
  const folder = await new Promise<string>((settle) =>
    child.stdout.once('data', (data) => settle(String(data).trim())),
  )
  return { child, ended, folder }
}

const parent = mkdtempSync('/dev/shm/nsctl-test-')
test.after(() => rmSync(parent, { recursive: true, force: true }))
const options = { env: { XDG_RUNTIME_DIR: parent }, isDiskAllowed: false }

test('is in memory, for its owner alone, and gone afterwards', async () => {
  const folder = await withMemoryFolder(options, async (path) => {
    assert.is(path.startsWith(`${parent}/`), true)
    assert.is(statSync(path).mode & 0o777, 0o700)
    mkdirSync(join(path, 'swap'))
    writeFileSync(join(path, 'swap', '.db.yaml.swp'), 'hunter2')
    return path
  })
  assert.not.ok(existsSync(folder))
})

test('is gone after an error', async () => {
  const error = await withMemoryFolder(options, async () => {
    throw new Error('no')
  }).catch((thrown: Error) => thrown)
  assert.is((error as Error).message, 'no')
  assert.equal(readdirSync(parent), [])
})

for (const signal of ['SIGTERM', 'SIGHUP'] as const)
  test(`is gone after ${signal}, which still ends the process`, async () => {
    const { child, ended, folder } = await holder(parent)
    assert.ok(existsSync(join(folder, 'db.yaml')))
    child.kill(signal)
    assert.is(await ended, signal)
    assert.not.ok(existsSync(folder))
  })

test('what SIGKILL left is removed by the next, and what is in use is not', async () => {
  const dead = await holder(parent)
  dead.child.kill('SIGKILL')
  await dead.ended
  assert.ok(existsSync(dead.folder))
  const alive = await holder(parent)
  assert.not.ok(existsSync(dead.folder))
  await withMemoryFolder(options, async () => assert.ok(existsSync(alive.folder)))
  alive.child.kill('SIGTERM')
  await alive.ended
})

test('a folder on a disk is not taken for one in memory', async () => {
  const disk = mkdtempSync(join(tmpdir(), 'nsctl-disk-'))
  await withMemoryFolder({ env: { XDG_RUNTIME_DIR: disk }, isDiskAllowed: false }, async (path) =>
    assert.is(path.startsWith(disk), false),
  )
  rmSync(disk, { recursive: true })
})

test('without memory there is none, unless the disk is allowed', async () => {
  const nowhere = { env: {}, places: ['/nowhere', '/proc'] }
  const refused = await withMemoryFolder({ ...nowhere, isDiskAllowed: false }, async () => 'used').catch(
    String,
  )
  assert.match(String(refused), 'there is no file system in memory for what is opened')
  const folder = await withMemoryFolder({ ...nowhere, isDiskAllowed: true }, async (path) => {
    assert.is(statSync(path).mode & 0o777, 0o700)
    return path
  })
  assert.ok(folder.startsWith(tmpdir()))
  assert.not.ok(existsSync(folder))
})

test.run()
