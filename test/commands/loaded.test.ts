/** A command that people wait for loads what it needs and nothing else: each of these costs milliseconds at every start. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, service } from './nsctl.ts'

const home = createHome()
test.after(() => home.remove())

async function loadedBy(line: string): Promise<readonly string[]> {
  const file = join(home.folder, 'loaded')
  const { code, stderr } = await home.run(line.split(' '), { env: { NSCTL_DEBUG_LOADED: file } })
  assert.is(code, 0, stderr)
  return readFileSync(file, 'utf8').trim().split('\n')
}

const NEVER = [
  /^node:fs\/promises$/,
  /^node:(crypto|http|https|net|tls|dns|child_process|worker_threads|readline|stream|tty|perf_hooks)$/,
  /^part-/,
  /^node_modules\/(yaml|ajv|diff|chalk|ink|react|prom-client|debug|ansis|semver|minimatch|tinyglobby|ejs)\//,
  /^node_modules\/@oclif\/core\/lib\/(config|help|ux|execute|main|module-loader)/,
  /^src\/(engine|controllers|agent|runtimes)\//,
  /^src\/resources\/generated\/validators/,
  /^src\/commands\/(apply|up|logs|edit|help)\.ts$/,
  /^src\/main\/config\/document\.ts$/,
]

home.write('web.yaml', service('web'))

for (const line of [
  'get services',
  'get svc web -o yaml',
  'get svc -o json',
  'get svc -A -o wide',
  'describe service web',
  'history service web',
  'events',
])
  test(`nsctl ${line} loads nothing that it does not need`, async () => {
    assert.is((await home.run(['apply', '-f', 'web.yaml'])).code, 0)
    const loaded = await loadedBy(line)
    assert.ok(loaded.includes('src/commands/entry.ts'), 'the list names what runs at every start')
    assert.ok(loaded.includes('node:sqlite'), 'the list names modules of Node')
    const verb = line.split(' ')[0]
    assert.ok(loaded.includes(`src/commands/${verb}.ts`), 'the list names what was loaded late')
    assert.equal(
      loaded.filter((module) => NEVER.some((pattern) => pattern.test(module))),
      [],
    )
  })

test('a context costs no YAML library either', async () => {
  const store = `sqlite:${join(home.state, 'store.db')}`
  assert.is((await home.run(['config', 'set-context', 'here', '--store', store])).code, 0)
  assert.is((await home.run(['config', 'use-context', 'here'])).code, 0)
  const loaded = await loadedBy('get services')
  assert.equal(
    loaded.filter((module) => NEVER.some((pattern) => pattern.test(module))),
    [],
  )
  assert.is((await home.run(['config', 'delete-context', 'here'])).code, 0)
})

test('what is needed is on the list: apply loads the YAML library and the validators', async () => {
  home.write('mail.yaml', service('mail'))
  const loaded = await loadedBy('apply -f mail.yaml')
  assert.ok(loaded.includes('part-yaml.cjs'))
  assert.ok(loaded.some((module) => module.startsWith('src/resources/generated/validators')))
})

test.run()
