/** The file itself: how it is made, what is refused, what is noticed. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type ErrorCode, isNsctlError, type NsctlError } from '../../../src/core/errors.ts'
import { commit, put } from '../contract-read.ts'
import { Scene } from './scene.ts'

const PAGE_BYTES = 16_384

function inScene(name: string, run: (scene: Scene) => Promise<void>): void {
  test(name, async () => {
    const scene = new Scene()
    try {
      await run(scene)
    } finally {
      await scene.end()
    }
  })
}

async function failure(code: ErrorCode, attempt: () => Promise<unknown>): Promise<NsctlError> {
  try {
    await attempt()
  } catch (error) {
    if (isNsctlError(error, code)) return error
    throw error
  }
  throw new Error(`no ${code}`)
}

const digestOf = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex')

/** A closed store with a few hundred entries. */
async function filled(scene: Scene): Promise<void> {
  const store = await scene.open()
  await store.commit(
    Array.from({ length: 300 }, (_, i) => [
      put(`obj/${String(i).padStart(4, '0')}`, `value ${i} `.repeat(60)),
    ]),
  )
  await store.close()
}

inScene('a new store belongs to its owner only', async (scene) => {
  const store = await scene.open()
  await commit(store, put('a', '1'))
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
  assert.is(mode(dirname(scene.path)), '700')
  for (const file of readdirSync(dirname(scene.path)))
    assert.is(mode(`${dirname(scene.path)}/${file}`), '600', file)
})

inScene('twenty who make the store at once make one', async (scene) => {
  const stores = await Promise.all(Array.from({ length: 20 }, () => scene.open()))
  await Promise.all(stores.map((store, i) => commit(store, put(`k/${i}`, 'x'))))
  assert.is((await stores[0]!.list(['k/'])).entries.length, 20)
  assert.equal(
    readdirSync(dirname(scene.path)).filter((name) => name.includes('.new-')),
    [],
  )
})

inScene('what a killed first start left is removed by a later one', async (scene) => {
  mkdirSync(dirname(scene.path))
  const old = `${scene.path}.new-1-abc`
  writeFileSync(old, 'half')
  execFileSync('touch', ['-d', '1 hour ago', old])
  await scene.open()
  assert.not(existsSync(old))
})

inScene('a read-only opening makes nothing, writes nothing, and refuses to', async (scene) => {
  const error = await failure('Unreachable', () => scene.open({ readOnly: true }))
  assert.match(error.message, `there is no store at ${scene.path}`)
  assert.match(error.next!, 'nsctl up')
  assert.not(existsSync(scene.path))
  await filled(scene)
  const before = digestOf(scene.path)
  const store = await scene.open({ readOnly: true })
  assert.is((await store.list(['obj/'])).entries.length, 300)
  await failure('Bug', () => commit(store, put('a', '1')))
  await store.close()
  assert.is(digestOf(scene.path), before)
})

/** Closed at once: one that is collected later would copy its log into the file then. */
function execute(path: string, sql: string): void {
  const db = new DatabaseSync(path)
  db.exec(sql)
  db.close()
}

const REFUSED: readonly {
  readonly name: string
  readonly make: (path: string) => void
  readonly code: ErrorCode
  readonly message: RegExp
  readonly next: RegExp
}[] = [
  {
    name: 'an empty file',
    make: (path) => writeFileSync(path, ''),
    code: 'StoreCorrupt',
    message: /is empty/,
    next: /backup/,
  },
  {
    name: 'a text file',
    make: (path) => writeFileSync(path, 'kind: Service\n'.repeat(1000)),
    code: 'StoreCorrupt',
    message: /damaged: file is not a database/,
    next: /move it away/,
  },
  {
    name: "another program's database",
    make: (path) => execute(path, 'CREATE TABLE users (name TEXT)'),
    code: 'StoreCorrupt',
    message: /database of another program/,
    next: /move it away/,
  },
  {
    name: 'a store of a later format',
    make: (path) => execute(path, 'PRAGMA user_version = 9'),
    code: 'StoreFormat',
    message: /has format 9, this nsctl reads format 3/,
    next: /newer nsctl/,
  },
  {
    name: 'a store cut to a few bytes',
    make: (path) => truncateSync(path, 50),
    code: 'StoreCorrupt',
    message: /damaged/,
    next: /backup/,
  },
  {
    name: 'a directory',
    make: (path) => {
      rmSync(path)
      mkdirSync(`${path}/x`, { recursive: true })
    },
    code: 'Unreachable',
    message: /cannot be used/,
    next: /NSCTL_STORE/,
  },
]

for (const { name, make, code, message, next } of REFUSED) {
  inScene(`${name} is refused and left as it is`, async (scene) => {
    const isOurs = name.startsWith('a store')
    if (isOurs) await filled(scene)
    else {
      mkdirSync(dirname(scene.path), { recursive: true })
      if (name === 'a directory') writeFileSync(scene.path, '')
    }
    make(scene.path)
    const before = name === 'a directory' ? '' : digestOf(scene.path)
    for (const readOnly of [false, true]) {
      const error = await failure(code, () => scene.open({ readOnly }))
      assert.match(error.message, message)
      assert.match(error.next!, next)
      assert.match(error.message, scene.path)
    }
    if (name !== 'a directory') assert.is(digestOf(scene.path), before)
  })
}

/** Overwrites `bytes` at `offset`. */
function damage(path: string, offset: number, bytes: Uint8Array): void {
  const file = openSync(path, 'r+')
  writeSync(file, bytes, 0, bytes.length, offset)
  closeSync(file)
}

inScene('a flipped bit in a value is noticed where it is read, and nowhere else', async (scene) => {
  await filled(scene)
  const at = readFileSync(scene.path).indexOf('value 123 ')
  assert.ok(at > 0)
  damage(scene.path, at, Buffer.from('vaLue'))
  const store = await scene.open()
  const error = await failure('StoreCorrupt', () => store.get('obj/0123'))
  assert.match(error.message, /"obj\/0123" does not match its checksum/)
  await failure('StoreCorrupt', () => store.list(['obj/']))
  assert.match((await store.get('obj/0122'))!.value, /^value 122 /)
})

inScene('a page of garbage is noticed where it is read', async (scene) => {
  await filled(scene)
  const at = readFileSync(scene.path).indexOf('value 123 ')
  damage(scene.path, at - (at % PAGE_BYTES), Buffer.alloc(PAGE_BYTES, 0xa5))
  const store = await scene.open()
  await failure('StoreCorrupt', () => store.list(['obj/']))
})

inScene('a store cut in half is noticed where it is read', async (scene) => {
  await filled(scene)
  truncateSync(scene.path, Math.floor(statSync(scene.path).size / 2 / PAGE_BYTES) * PAGE_BYTES)
  await failure('StoreCorrupt', async () => (await scene.open()).list(['']))
})

/** The files as a machine leaves them that goes down while the store is open. */
async function unclean(scene: Scene): Promise<void> {
  await filled(scene)
  const store = await scene.open()
  await commit(store, put('last', 'words'))
  const directory = dirname(scene.path)
  // by another process: closing the file in this one would drop its locks
  execFileSync('cp', ['-r', directory, `${directory}-copy`])
  await store.close()
  rmSync(directory, { recursive: true })
  renameSync(`${directory}-copy`, directory)
  assert.ok(statSync(`${scene.path}-wal`).size > 0)
  writeFileSync(`${scene.path}-boot`, 'the boot before')
}

inScene('after a crash of the machine a sound store opens with all that was committed', async (scene) => {
  await unclean(scene)
  const store = await scene.open()
  assert.is((await store.get('last'))?.value, 'words')
  assert.is.not(readFileSync(`${scene.path}-boot`, 'utf8'), 'the boot before')
})

inScene('after a crash of the machine a damaged store is refused at once', async (scene) => {
  await unclean(scene)
  const at = readFileSync(scene.path).indexOf('value 200 ')
  damage(scene.path, at - (at % PAGE_BYTES), Buffer.alloc(PAGE_BYTES, 0xa5))
  await failure('StoreCorrupt', () => scene.open())
  // the check belongs to the crash, and stays due until it passes
  await failure('StoreCorrupt', () => scene.open())
})

inScene('a store whose file is removed under it says so instead of writing to nowhere', async (scene) => {
  const store = await scene.open()
  await commit(store, put('a', '1'))
  for (const suffix of ['', '-wal', '-shm']) rmSync(scene.path + suffix, { force: true })
  const error = await failure('Unreachable', () => commit(store, put('a', '2')))
  assert.match(error.message, /removed or replaced/)
})

test.run()
