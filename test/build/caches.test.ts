/** The code caches of the build fit the flags that bin/nsctl starts Node with: V8 refuses them under any others. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const dist = join(import.meta.dirname, '../../dist')
const flags = readFileSync(join(dist, 'node-flags'), 'utf8').trim().split(' ')
const caches = readdirSync(dist).filter((name) => name.endsWith('.cache'))

const LOOK = `
const { readFileSync } = require('node:fs')
const { Script } = require('node:vm')
const [source, cache] = process.argv.slice(1)
const script = new Script(readFileSync(source, 'latin1'), { cachedData: readFileSync(cache) })
console.log(script.cachedDataRejected ? 'refused' : 'taken')`

function lookAt(cache: string, nodeFlags: readonly string[]): string {
  const source = join(dist, `${cache.split('.')[0]}.cjs`)
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [...nodeFlags, '-e', LOOK, source, join(dist, cache)],
    { encoding: 'utf8' },
  )
  return stdout.trim() || stderr
}

for (const cache of caches)
  test(`${cache} is taken`, () => {
    assert.is(lookAt(cache, flags), 'taken')
  })

test('there are caches, and without the flags they are refused', () => {
  assert.ok(caches.length >= 4, caches.join(', '))
  assert.is(lookAt(caches[0]!, []), 'refused')
})

test.run()
