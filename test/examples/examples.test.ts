/** Every example does what it says, with the real daemon and the process runtime. */
import { type ChildProcess, spawn } from 'node:child_process'
import { cpSync, globSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root } from '../commands/nsctl.ts'

const home = createHome()
const env = { PATH: process.env.PATH, HOME: home.folder, LANG: 'C.UTF-8', NSCTL_HOME: home.state }
let daemon: ChildProcess | undefined

async function nsctl(words: string, code = 0): Promise<string> {
  const finished = await home.run(words.split(' '))
  assert.is(finished.code, code, `nsctl ${words}\n${finished.stdout}${finished.stderr}`)
  return finished.stdout
}

async function urlOf(service: string): Promise<string> {
  return await nsctl(`get service ${service} -o jsonpath={.status.url}`)
}

test.before(async () => {
  cpSync(join(root, 'examples'), join(home.folder, 'examples'), { recursive: true })
  const child = spawn(join(root, 'bin/nsctl'), ['up', '--runtime', 'process', '--own'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  daemon = child
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (data) => String(data).includes('is ready') && resolve())
    child.once('exit', (code) => reject(new Error(`up ended with ${code}`)))
  })
})

test.after(async () => {
  const gone = new Promise((resolve) => daemon?.once('exit', resolve))
  daemon?.kill('SIGTERM')
  await gone
  await home.run(['down', '--purge'])
  home.remove()
})

test('every manifest is valid', async () => {
  for (const folder of readdirSync(join(home.folder, 'examples')))
    await nsctl(`validate -f examples/${folder}`)
  assert.ok(globSync(join(home.folder, 'examples/**/*.yaml')).length >= 5)
})

test('quickstart: two copies answer over HTTP, and the change is one', async () => {
  await nsctl('apply -f examples/quickstart')
  await nsctl('wait --for=condition=Ready service/web --timeout=30s')
  assert.match(await (await fetch((await urlOf('web')).split(' ')[0] ?? '')).text(), /^hello from process/)
  assert.match(await nsctl('diff -f examples/quickstart/changed/web.yaml', 1), /\+ {4}value: good morning/)
})

test('guestbook: what was written survives a rolling restart', async () => {
  await nsctl('apply -f examples/guestbook')
  await nsctl('wait --for=condition=Ready service/guestbook --timeout=30s')
  await fetch(await urlOf('guestbook'), { method: 'POST', body: 'ada was here' })
  await nsctl('rollout restart service guestbook')
  await nsctl('rollout status service guestbook --timeout=30s')
  assert.is(await (await fetch(await urlOf('guestbook'))).text(), 'ada was here\n')
})

test('group: one program serves what the other writes', async () => {
  await nsctl('apply -f examples/group')
  await nsctl('wait --for=condition=Ready service/clock --timeout=30s')
  assert.match(await (await fetch(await urlOf('clock'))).text(), /\d\d:\d\d:\d\d/)
})

test('custom-kind: listed with its own columns, its default filled in', async () => {
  await nsctl('apply -f examples/custom-kind')
  assert.match(await nsctl('get bp'), /NAME +SCHEDULE +KEEP +AGE\nnightly +daily at 03:00 +7 /)
})

test('versions: written in one version, read in the other', async () => {
  await nsctl('apply -f examples/versions')
  assert.match(
    await nsctl('get crawlers'),
    /NAME +REPLICAS +HOSTS +AGE\nnew +2 +example.org .*\nold +2 +example.org /,
  )
  assert.match(
    await nsctl('get crawlers.v1alpha1.example.org'),
    /NAME +SIZE +HOST\nnew +2 +example.org\nold +2 +example.org/,
  )
  assert.match(await nsctl('apply -f examples/versions'), /3 unchanged/)
})

test.run()
