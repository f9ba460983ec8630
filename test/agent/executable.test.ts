import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { ProgramFinder } from '../../src/agent/executable.ts'

const folder = mkdtempSync(join(tmpdir(), 'nsctl-find-'))
writeFileSync(join(folder, 'run'), '#!/bin/sh\n')
chmodSync(join(folder, 'run'), 0o755)
writeFileSync(join(folder, 'text'), 'not a program')
test.after(() => rmSync(folder, { recursive: true, force: true }))

for (const c of [
  { name: 'by name in PATH', program: 'run', path: `/nowhere:${folder}`, found: join(folder, 'run') },
  { name: 'relative to the working directory', program: './run', path: '', found: join(folder, 'run') },
  { name: 'by its whole path', program: join(folder, 'run'), path: '', found: join(folder, 'run') },
  { name: 'not by name outside PATH', program: 'run', path: '/nowhere', found: undefined },
  { name: 'not what is not executable', program: './text', path: '', found: undefined },
  { name: 'not a folder', program: folder, path: '', found: undefined },
  { name: 'not in a relative part of PATH', program: 'run', path: '.', found: undefined },
])
  test(`a program is found ${c.name}`, async () => {
    assert.is(await new ProgramFinder().find(c.program, folder, c.path), c.found)
  })

test('who asks meanwhile shares an answer, and who asks later gets a new one', async () => {
  const finder = new ProgramFinder()
  const file = join(folder, 'late')
  const [first, second] = [finder.isFolder(file), finder.isFolder(file)]
  assert.is(first, second)
  assert.is(await first, false)
  assert.is(await finder.isFolder(folder), true)
  assert.is(await finder.find('late', folder, folder), undefined)
  writeFileSync(file, '#!/bin/sh\n')
  chmodSync(file, 0o755)
  assert.is(await finder.find('late', folder, folder), file)
})

test.run()
