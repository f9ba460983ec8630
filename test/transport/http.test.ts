import { spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'

const module = pathToFileURL(join(resolve(import.meta.dirname, '../..'), 'src/transport/http.ts')).href

/** What a process has loaded of Node's fetch once it has run `program`. */
function fetchLoadedBy(program: string): string {
  const script = `${program}; console.log(process.moduleLoadList.filter((name) => name.includes('undici')).length)`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  })
  assert.is(stderr.replaceAll(/^.*Warning.*\n/gm, ''), '')
  return stdout.trim()
}

test('HTTP is there without Node’s fetch', () => {
  assert.is(
    fetchLoadedBy(`
      const { loadHttp } = await import(${JSON.stringify(module)})
      const { createServer, get } = loadHttp()
      const server = createServer((request, response) => response.end('here'))
      await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
      await new Promise((resolve) => get({ port: server.address().port }, (one) => one.resume().on('end', resolve)))
      server.close()`),
    '0',
  )
})

test('an import of it loads fetch: once this fails, loadHttp can be replaced by one', () => {
  assert.is(fetchLoadedBy(`await import('node:http')`), '1')
})

test.run()
