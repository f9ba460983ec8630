/** kill -9 of processes that write, at any moment. What they were told is committed is there, whole, and was reported. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Entry, Transaction } from '../../../src/store/store.ts'
import { commit, put } from '../contract-read.ts'
import { type Committed, judgeState, judgeWatch } from '../history.ts'
import { follow } from '../watching.ts'
import { type Child, Scene } from './scene.ts'

const KILLS = 24
const WRITER = join(import.meta.dirname, 'writer.ts')

function acknowledgedBy(child: Child): Committed[] {
  return child.lines.map((line) => {
    const [revision, transaction] = JSON.parse(line) as [number, Transaction]
    return { revision, transaction }
  })
}

/**
 * A killed writer may have committed a group that it could not acknowledge any more; the next transactions of its known
 * sequence are recovered from what is stored, so that the judges can be strict.
 */
function unacknowledged(name: string, known: readonly Committed[], entries: readonly Entry[]): Committed[] {
  const count = entries.find((entry) => entry.key === `count/${name}`)
  const acknowledged = known.length
  const made = new Map(entries.map((entry) => [entry.key, entry]))
  const found: Committed[] = []
  for (let round = acknowledged; count !== undefined && round <= Number(count.value); round++) {
    const entry = made.get(`made/${name}/${round}`)
    assert.ok(entry, `round ${round} of ${name} is half there`)
    const transaction: Transaction = [
      put(entry.key, entry.value),
      put(`count/${name}`, String(round)),
      ...(round >= 20 ? [{ kind: 'delete', key: `made/${name}/${round - 20}` } as const] : []),
    ]
    found.push({ revision: entry.revision, transaction })
  }
  assert.ok(found.length <= 4, `${found.length} transactions of ${name} were never acknowledged`)
  return found
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

test(`${KILLS} kills of two writers lose, tear and invent nothing`, async () => {
  const scene = new Scene()
  try {
    const store = await scene.open({ historyRevisions: 100_000 })
    const before = await store.list([''])
    const watching = follow(store, [''], before.revision)
    const committed: Committed[] = []
    let survivors = 0
    for (let kill = 0; kill < KILLS / 2; kill++) {
      const names = [`${kill}a`, `${kill}b`]
      const children = names.map((name) => scene.start([WRITER, scene.path, name]))
      await Promise.all(children.map((child) => child.wrote(8)))
      for (const child of children) {
        // anywhere within a commit, which takes about a millisecond
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 15))
        await child.kill()
      }
      const { entries } = await store.list([''])
      for (const [i, name] of names.entries()) {
        const known = acknowledgedBy(children[i]!)
        const late = unacknowledged(name, known, entries)
        survivors += late.length
        committed.push(...known, ...late)
      }
      assert.equal(judgeState(committed, before.entries, entries), [], `after ${2 * kill + 2} kills`)
      assertSound(scene.path)
    }
    const transaction = [put('end', 'x')]
    const end = await commit(store, ...transaction)
    committed.push({ revision: end, transaction })
    await watching.until('the end', (w) => w.batches.some((batch) => batch.revision >= end))
    await watching.stop()
    const { entries } = await store.list([''])
    assert.equal(judgeWatch(committed, watching.batches, before.revision, entries), [])
    console.log(`${committed.length} commits, ${survivors} of them not acknowledged before the kill`)
  } finally {
    await scene.end()
  }
})

test('20 kills while the store is made leave a whole one or none', async () => {
  for (let kill = 0; kill < 20; kill++) {
    const scene = new Scene()
    try {
      const child = scene.start([WRITER, scene.path, 'first'])
      const inTime = new Promise<void>((resolve) => {
        // from before its folder is there until a little after
        const look = setInterval(() => {
          if (!existsSync(dirname(scene.path))) return
          clearInterval(look)
          setTimeout(resolve, (kill % 10) * 2)
        }, 1)
      })
      await inTime
      await child.kill()
      const store = await scene.open()
      await commit(store, put('after', String(kill)))
      await store.close()
      assertSound(scene.path)
      assert.ok(readdirSync(dirname(scene.path)).includes('store.db'))
    } finally {
      await scene.end()
    }
  }
})

test.run()
