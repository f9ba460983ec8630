/** Upgrades where there is no room: nothing is changed, or what was begun is gone on with once there is. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { needs } from '../parts.ts'
import { downgradeFile } from '../store/previous-format.ts'
import { createHome, type Finished, type Home, service } from './nsctl.ts'

interface Context {
  home: Home
  /** A file system of its own. */
  disk: string
  run(line: string): Promise<Finished>
}

const SERVICES = 1_500

const rooted = needs(test, process.getuid?.() === 0, 'root, for a tmpfs')

/** With a store of the format before on a disk of its own. */
function onDisk(name: string, use: (context: Context) => Promise<void>): void {
  rooted(name, async () => {
    const home = createHome()
    const disk = join(home.folder, 'disk')
    const run = (line: string) => home.run(line.split(' '))
    mkdirSync(disk)
    mount(disk, 'size=64m,mode=0700')
    try {
      home.write('all.yaml', Array.from({ length: SERVICES }, (_, n) => service(`web-${n}`)).join('---\n'))
      assert.is((await run('--store sqlite:disk/a.db apply -f all.yaml')).code, 0)
      await downgradeFile(join(disk, 'a.db'), '1.0')
      await use({ home, disk, run })
    } finally {
      spawnSync('umount', [disk])
      home.remove()
    }
  })
}

function mount(path: string, options: string): void {
  assert.is(spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]).status, 0)
}

/** Fills the disk but for `leftBytes`. */
function fill(disk: string, leftBytes: number): void {
  const { bavail, bsize } = statfsSync(disk)
  const bytes = bavail * bsize - leftBytes
  spawnSync('dd', [
    'if=/dev/zero',
    `of=${join(disk, 'filler')}`,
    'bs=4096',
    `count=${Math.floor(bytes / 4096)}`,
  ])
}

const formatOf = async ({ run }: Context) =>
  (await run('--store sqlite:disk/a.db store stats')).stdout
    .match(/format (\d)\nLayout +(\S+)/)
    ?.slice(1)
    .join(' ')

onDisk('no room for the backup: nothing is changed', async (context) => {
  const { disk, run } = context
  fill(disk, 64 * 1024)
  const { code, stderr } = await run('--store sqlite:disk/a.db store upgrade')
  assert.is(code, 3, stderr)
  assert.match(
    stderr,
    /^error: the export \S+a\.db\.format-2-layout-1\.0-\S+ cannot be written: ENOSPC.*\nname a file in a folder that can be written and has room\n/,
  )
  assert.is(await formatOf(context), '2 1.0')
  assert.equal(
    readdirSync(disk).filter((name) => name.includes('export')),
    [],
  )
  const elsewhere = await run('--store sqlite:disk/a.db store upgrade --backup there.export')
  assert.ok(elsewhere.code === 0 || elsewhere.code === 3, elsewhere.stderr)
})

onDisk('a file system that is read-only: nothing is changed', async (context) => {
  const { disk, run } = context
  assert.is(spawnSync('mount', ['-o', 'remount,ro', disk]).status, 0)
  const { code, stderr } = await run('--store sqlite:disk/a.db store upgrade')
  assert.is(code, 3, stderr)
  assert.match(stderr, /^error: the store \S+ cannot be used: unable to open database file\n/)
  assert.is(spawnSync('mount', ['-o', 'remount,rw', disk]).status, 0)
  assert.is(await formatOf(context), '2 1.0')
})

onDisk(
  'no room for what is rewritten: half is said, and gone on with once there is room',
  async (context) => {
    const { disk, run } = context
    let halves = 0
    // how much it takes depends on the reserve and on how full the pages are: all that may be the middle
    for (let leftBytes = 0; leftBytes <= 8 * 2 ** 20; leftBytes += 384 * 1024) {
      rmSync(join(disk, 'filler'), { force: true })
      fill(disk, leftBytes)
      const { code, stderr } = await run('--store sqlite:disk/a.db store upgrade --no-backup')
      if (code === 0) break
      assert.is(code, 3, stderr)
      rmSync(join(disk, 'filler'), { force: true })
      const found = await run('--store sqlite:disk/a.db store check')
      if (found.stdout.includes('is under way or was cut off')) halves++
      else assert.is(found.code, 0, found.stdout)
    }
    rmSync(join(disk, 'filler'), { force: true })
    const done = await run('--store sqlite:disk/a.db store upgrade --no-backup')
    assert.is(done.code, 0, done.stderr)
    assert.is(await formatOf(context), '3 4.0')
    assert.is((await run('--store sqlite:disk/a.db store check')).code, 0)
    assert.match(
      (await run('--store sqlite:disk/a.db apply -f all.yaml')).stdout,
      / 0 changed, 1500 unchanged\n$/,
    )
    assert.ok(halves > 0, 'the disk was never full in the middle: the test shows nothing')
  },
)

test.run()
