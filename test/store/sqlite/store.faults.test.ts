/** A disk that gets full: a small tmpfs. Nothing that was acknowledged is lost, deleting works, and it goes on by itself. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isNsctlError } from '../../../src/core/errors.ts'
import type { Store } from '../../../src/store/store.ts'
import { needs } from '../../parts.ts'
import { commit, put, remove } from '../contract-read.ts'
import { Scene } from './scene.ts'

const isRoot = process.getuid?.() === 0 && process.platform === 'linux'

function onSmallDisk(name: string, run: (scene: Scene, disk: Disk) => Promise<void>): void {
  needs(
    test,
    isRoot,
    'root, to mount a tmpfs',
  )(name, async () => {
    const at = mkdtempSync(join(tmpdir(), 'nsctl-disk-'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', at])
    const scene = new Scene(at)
    try {
      await run(scene, new Disk(at))
    } finally {
      await scene.end()
      execFileSync('umount', [at])
      rmSync(at, { recursive: true })
    }
  })
}

class Disk {
  readonly #at: string
  #files = 0

  constructor(at: string) {
    this.#at = at
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#at)
    return bavail * bsize
  }

  /** As another program does that writes all it can. */
  fill(leaveBytes = 0): void {
    const bytes = this.freeBytes - leaveBytes
    if (bytes > 0) writeFileSync(join(this.#at, `other-${this.#files++}`), Buffer.alloc(bytes))
  }

  clear(): void {
    for (; this.#files > 0; this.#files--) rmSync(join(this.#at, `other-${this.#files - 1}`))
  }
}

/** Writes until the disk is full; what was acknowledged, by key. */
async function writeUntilFull(store: Store, name: string): Promise<ReadonlyMap<string, number>> {
  const acknowledged = new Map<string, number>()
  for (let i = 0; i < 20_000; i++) {
    const key = `${name}/${i}`
    try {
      acknowledged.set(key, await commit(store, put(key, `${key} `.repeat(200))))
    } catch (error) {
      assert.ok(isNsctlError(error, 'StoreFull'), String(error))
      assert.is(error.exitCode, 3)
      assert.match(error.next!, 'free some space')
      return acknowledged
    }
  }
  throw new Error('the disk never got full')
}

async function assertThere(store: Store, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  const { entries } = await store.list([''])
  const found = new Map(entries.map((entry) => [entry.key, entry.revision]))
  for (const [key, revision] of acknowledged) assert.is(found.get(key), revision, `${key} is lost`)
}

function assertSound(path: string): void {
  const db = new DatabaseSync(path, { readOnly: true })
  assert.equal(
    db
      .prepare('PRAGMA integrity_check')
      .all()
      .map((row) => row.integrity_check),
    ['ok'],
  )
  db.close()
}

onSmallDisk(
  'a full disk is StoreFull, loses nothing, lets deletes through, and is usable again',
  async (scene, disk) => {
    const store = await scene.open()
    await commit(store, put('lease', 'held by a, renewal 001'))
    disk.fill(6 * 1024 * 1024)
    const acknowledged = await writeUntilFull(store, 'k')
    assert.ok(acknowledged.size > 50, `only ${acknowledged.size} went in`)
    await assertThere(store, acknowledged)

    disk.fill()
    await commit(store, put('lease', 'held by a, renewal 002'))
    const keys = [...acknowledged.keys()]
    for (const key of keys.slice(0, 20)) await commit(store, remove(key))
    const kept = new Map([...acknowledged].slice(20))
    await assertThere(store, kept)
    assert.is(await store.get(keys[0]!), undefined)

    disk.clear()
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    await commit(store, put('after', 'x'.repeat(100_000)))
    await assertThere(store, kept)
    await store.close()
    assert.ok(existsSync(`${scene.path}-reserve`), 'the reserve is kept again')
    assertSound(scene.path)
  },
)

onSmallDisk('a disk filled by another to the last byte, the reserve included', async (scene, disk) => {
  const store = await scene.open()
  const acknowledged = new Map<string, number>()
  for (let i = 0; i < 200; i++)
    acknowledged.set(`k/${i}`, await commit(store, put(`k/${i}`, 'x'.repeat(3_000))))
  disk.fill()
  for (const [key, revision] of await writeUntilFull(store, 'more')) acknowledged.set(key, revision)
  disk.fill()
  let refused = 0
  for (let i = 0; i < 50; i++) {
    try {
      await commit(store, remove(`k/${i}`))
      acknowledged.delete(`k/${i}`)
    } catch (error) {
      assert.ok(isNsctlError(error, 'StoreFull'), String(error))
      refused++
      disk.fill()
    }
  }
  await assertThere(store, acknowledged)
  disk.clear()
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  await commit(store, put('after', 'x'.repeat(100_000)))
  await assertThere(store, acknowledged)
  await store.close()
  assertSound(scene.path)
  assert.ok(refused < 50, 'no delete went through at all')
})

onSmallDisk('of calls in one group only those fail that do not fit', async (scene, disk) => {
  const store = await scene.open()
  await commit(store, put('old', 'x'.repeat(50_000)))
  await writeUntilFull(store, 'k')
  disk.fill()
  const [grow, shrink] = await Promise.allSettled([
    commit(store, put('new', 'x'.repeat(500_000))),
    commit(store, remove('old')),
  ])
  assert.is(grow.status, 'rejected')
  assert.is(shrink.status, 'fulfilled')
})

onSmallDisk('a store on a full disk opens, reads and deletes', async (scene, disk) => {
  const first = await scene.open()
  for (let i = 0; i < 100; i++) await commit(first, put(`k/${i}`, 'x'.repeat(3_000)))
  await first.close()
  disk.fill()
  const store = await scene.open()
  assert.is((await store.list(['k/'])).entries.length, 100)
  await commit(store, remove('k/1'))
  assert.is((await store.list(['k/'])).entries.length, 99)
})

onSmallDisk('a store cannot be made on a full disk, and leaves nothing', async (scene, disk) => {
  disk.fill()
  try {
    await scene.open()
    assert.unreachable('it was made')
  } catch (error) {
    assert.ok(isNsctlError(error, 'StoreFull'), String(error))
  }
  assert.not(existsSync(scene.path))
  disk.clear()
  await commit(await scene.open(), put('a', '1'))
})

test.run()
