/** What stays in Vault reaches a program, by the real daemon, and lies open nowhere on the way. Vault is the fake. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { createHome, root } from '../../commands/nsctl.ts'
import { FakeVault } from './fake.ts'

const SECRET_ID = 'planted-secret-id-5d1f'
const FIRST = 'planted-first-8a2e'
const SECOND = 'planted-second-c07b'
const home = createHome()
const vault = await new FakeVault().start()
let daemon: ChildProcess | undefined
let printed = ''

async function nsctl(words: string, stdin = ''): Promise<string> {
  const finished = await home.run(words.split(' '), { stdin })
  printed += finished.stdout + finished.stderr
  assert.is(finished.code, 0, `nsctl ${words}\n${finished.stdout}${finished.stderr}`)
  return finished.stdout
}

async function until(check: () => Promise<void>, limitMs = 30_000): Promise<void> {
  const deadline = performance.now() + limitMs
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** Which value the program has, as its digest. */
async function seen(): Promise<string> {
  const url = (await nsctl('get service shop -o jsonpath={.status.url}')).split(' ')[0] ?? ''
  return await (await fetch(url)).text()
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
const conditionOf = () =>
  nsctl('get secret shop-db -o jsonpath={.status.conditions[?(@.type=="Fetched")].reason}')

const PROGRAM = `
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
const value = readFileSync(process.env.CREDENTIALS_DIRECTORY + '/shop-db.password')
const digest = createHash('sha256').update(value).digest('hex')
createServer((_, response) => response.end(digest)).listen(Number(process.env.PORT))
process.on('SIGTERM', () => process.exit(0))
`

test.before(async () => {
  vault.write('secret/data/shop/db', JSON.stringify({ password: FIRST, more: 'unused' }))
  const grants = { reads: ['secret/data/shop/db'], ttl: 1200 }
  vault.role('auth/approle', 'role-1', { secretId: SECRET_ID, grants })
  home.write('shop.mjs', PROGRAM)
  home.write(
    'shop.yaml',
    `apiVersion: nsctl.dev/v1alpha1
kind: Secret
metadata: {name: shop-db}
spec:
  external:
    refresh: 5s
    items: [{from: password}]
    vault:
      address: ${vault.address}
      path: shop/db
      auth: {appRole: {roleId: role-1, secretId: {name: vault-login, key: secret-id}}}
---
apiVersion: nsctl.dev/v1alpha1
kind: Service
metadata: {name: shop}
spec:
  template:
    source: {command: [node, shop.mjs]}
    secrets: [{name: shop-db}]
    ports: [{name: http}]
    readiness: {http: {path: /, port: http}}
`,
  )
  const env = { PATH: process.env.PATH, HOME: home.folder, LANG: 'C.UTF-8', NSCTL_HOME: home.state }
  const child = spawn(
    join(root, 'bin/nsctl'),
    ['up', '--runtime', 'process', '--own', '--log-level', 'debug'],
    { env },
  )
  daemon = child
  await new Promise<void>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (data) => {
        printed += String(data)
        if (printed.includes('is ready')) resolve()
      })
    child.once('exit', (code) => reject(new Error(`up ended with ${code}\n${printed}`)))
  })
})

test.after(async () => {
  const gone = new Promise((resolve) => daemon?.once('exit', resolve))
  daemon?.kill('SIGTERM')
  await gone
  await home.run(['down', '--purge'])
  home.remove()
  await vault.stop()
})

test('a Service waits for what cannot be fetched yet, and starts when it can', async () => {
  await nsctl('apply -f shop.yaml')
  await until(async () => assert.is(await conditionOf(), 'MissingSecret'))
  assert.match(await nsctl('get service shop'), /shop-db/, 'its line says what it waits for')
  assert.is(vault.requests.length, 0)
  await nsctl('secret create vault-login --from-file secret-id=-', SECRET_ID)
  await nsctl('wait --for=condition=Ready service/shop --timeout=30s')
  assert.is(await seen(), digest(FIRST))
  assert.is(await conditionOf(), 'Fetched')
})

test('a new value in Vault reaches the program, one login later', async () => {
  vault.write('secret/data/shop/db', JSON.stringify({ password: SECOND }))
  await until(async () => assert.is(await seen(), digest(SECOND)))
  assert.is(vault.count('/auth/approle/login'), 1)
})

test('a sealed Vault stops nothing that runs', async () => {
  vault.sealed = true
  await until(async () => assert.is(await conditionOf(), 'Unavailable'))
  assert.match(
    await nsctl('get secret shop-db'),
    /is sealed \(vault operator unseal\); the values are those of/,
  )
  assert.is(await seen(), digest(SECOND))
  vault.sealed = false
  await until(async () => assert.is(await conditionOf(), 'Fetched'))
})

test('an operator can read it, and it lies open nowhere', async () => {
  const revealed = await home.run(['secret', 'reveal', 'shop-db', 'password'])
  assert.is(revealed.stdout.trim(), SECOND, revealed.stderr)
  for (const words of [
    'get secrets -o yaml',
    'describe secret shop-db',
    'get events',
    'history secret/shop-db',
  ])
    await nsctl(words)
  await nsctl(`logs service/shop`)
  const commands = spawnSync('sh', ['-c', 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null'])
  const files = spawnSync('grep', ['-rlaE', 'planted|hvs\\.', home.folder], { encoding: 'utf8' })
  assert.is(files.stdout, '', 'a file holds it')
  const base64 = Buffer.from(SECOND).toString('base64').slice(0, -4)
  const encoded = spawnSync('grep', ['-rlaF', base64, home.folder], { encoding: 'utf8' })
  assert.is(encoded.stdout, '', 'a file holds it in base64')
  for (const planted of [FIRST, SECOND, SECRET_ID, 'hvs.issued']) {
    assert.not.match(printed, planted)
    assert.not.ok(commands.stdout.includes(planted), `${planted} in /proc`)
  }
  assert.equal(vault.faults, [])
})

test.run()
