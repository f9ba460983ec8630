/** Whoever places material is killed in the midst of it, again and again: each file is the old one or the new one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { isInMemory, materialPlaces } from '../../../src/runtimes/material-files.ts'
import { fileNameOf, layoutOf } from '../../../src/runtimes/process/layout.ts'
import { materialVariables, ProcessMaterials } from '../../../src/runtimes/process/materials.ts'
import { needs } from '../../parts.ts'
import { ID, NAMES, SIZE, version } from './kill/placed.ts'

const KILLS = 60
const PLACER = join(import.meta.dirname, 'kill/placer.ts')

function ended(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve) => child.once('exit', resolve))
}

needs(
  test,
  isInMemory('/dev/shm'),
  'a file system in memory at /dev/shm',
)(`each file is whole after ${KILLS} kills, and what they left is no hindrance`, async () => {
  const stateDir = mkdtempSync(join(tmpdir(), 'nsctl-placed-'))
  const shared = mkdtempSync('/dev/shm/nsctl-test-')
  const layout = layoutOf(stateDir)
  const seen = new Set<string>()
  let parts = 0
  try {
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(
        process.execPath,
        ['--disable-warning=ExperimentalWarning', PLACER, stateDir, shared],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      )
      const end = ended(child)
      await new Promise((resolve) => child.stdout?.once('data', resolve))
      // the first of all files must be there before one can be half of something
      await sleep(kill === 0 ? 50 : (kill % 20) + 1)
      child.kill('SIGKILL')
      await end
      const dir = join(readFileSync(layout.materials, 'utf8'), fileNameOf(ID))
      const { credentials } = materialPlaces(dir)
      assert.equal(readdirSync(credentials).sort(), NAMES.toSorted())
      for (const name of NAMES) {
        const content = readFileSync(join(credentials, name), 'utf8')
        assert.ok(content === 'a'.repeat(SIZE) || content === 'b'.repeat(SIZE), `${name} is whole`)
        seen.add(content[0]!)
      }
      const shape = { credentials: NAMES, live: false, environment: true, folders: [], paths: {} }
      assert.match(materialVariables(layout, { id: ID, material: shape }).V!, /^(a+|b+)$/)
      if (readdirSync(dir).includes('part')) parts++
    }
    console.log(`${parts} of ${KILLS} kills left a part`)
    assert.equal([...seen].sort(), ['a', 'b'])
    const materials = new ProcessMaterials(layout, { env: {}, platform: 'linux', shared })
    const dir = join(readFileSync(layout.materials, 'utf8'), fileNameOf(ID))
    materials.place(ID, version('a'))
    writeFileSync(join(dir, 'part'), 'half of something')
    materials.place(ID, version('a'))
    assert.not.ok(readdirSync(dir).includes('part'), 'even where nothing is to be written')
    materials.clear()
    assert.equal(readdirSync(shared), [])
  } finally {
    rmSync(stateDir, { recursive: true, force: true })
    rmSync(shared, { recursive: true, force: true })
  }
})

test.run()
